"""What the jobs of a worker came to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowrra_django import runtime
from flowrra_django.config import Config
from flowrra_django.engine.events import Finished, Started
from flowrra_django.engine.pairs import create_stores
from flowrra_django.job import Job, Kind
from flowrra_django.models import MinuteStat
from flowrra_django.results import TaskStatus
from flowrra_django.retry import Settlement
from flowrra_django.tally import KEPT_SECONDS, Minute, bucket_of, totals_of
from flowrra_django.worker.statistics import Statistics
from tests.testapp.tasks import add, fail, fail_again

NOW = datetime.now(UTC).replace(second=30, microsecond=0)
MINUTE = NOW.replace(second=0)
EARLIER = NOW - timedelta(seconds=8)

JOB = Job(
    task_id="1", task_name="t", kind=Kind.IO, args="", kwargs="", queue="mail",
    submitted_at=EARLIER, started_at=NOW,
)  # fmt: skip


@pytest.fixture
def stores():
    return create_stores(Config())


async def counted(stores, *events) -> list[Minute]:
    """Return what is in the ledger of what a worker heard."""
    statistics = Statistics(stores, None)
    for event in events:
        statistics.hear(event)
    await statistics.look()
    return stores.backend.minutes(NOW - timedelta(days=1))


def finished(job=JOB, status=TaskStatus.SUCCESS, seconds: float | None = 2.0) -> Finished:
    return Finished(Settlement(job=job, status=status), seconds)


async def test_an_end_counts_in_the_minute_that_it_came_in(stores):
    events = [Started(JOB), finished(), finished(status=TaskStatus.FAILED), finished(seconds=40.0)]
    waited, ran = bucket_of(8), bucket_of(2)
    assert await counted(stores, *events) == [
        Minute(MINUTE, "mail", 1, 1, {waited: 2}, {ran: 2}),
        Minute(MINUTE + timedelta(minutes=1), "mail", 1, 0, {waited: 1}, {bucket_of(40): 1}),
    ]


async def test_a_job_waits_from_when_it_may_run(stores):
    delayed = replace(JOB, run_after=NOW - timedelta(seconds=1))
    early = replace(JOB, run_after=NOW - timedelta(days=1))
    [figures] = await counted(stores, finished(delayed), finished(early))
    assert figures.waited == {bucket_of(1): 1, bucket_of(8): 1}


@pytest.mark.parametrize("counter", ["failures", "crashes"])
async def test_what_a_job_waited_for_its_retry_does_not_count(stores, counter):
    [figures] = await counted(stores, finished(replace(JOB, **{counter: 1})))
    assert (figures.succeeded, figures.waited) == (1, {})


async def test_a_job_that_was_cancelled_is_neither_done_nor_failed(stores):
    assert await counted(stores, finished(status=TaskStatus.CANCELLED)) == []


async def test_a_job_that_went_down_with_its_worker_has_failed_now(stores):
    [figures] = await counted(stores, finished(status=TaskStatus.FAILED, seconds=None))
    assert (figures.failed, figures.ran) == (1, {})
    assert datetime.now(UTC) - figures.minute < timedelta(minutes=2)


async def test_who_listens_hears_all_the_same(stores):
    heard = []
    statistics = Statistics(stores, heard.append)
    events = [Started(JOB), finished()]
    for event in events:
        statistics.hear(event)
    assert heard == events


async def test_a_listener_that_raises_does_not_keep_an_end_from_being_counted(stores):
    def deaf(event) -> None:
        raise ValueError(event)

    statistics = Statistics(stores, deaf)
    statistics.hear(finished())
    await statistics.finish()
    assert len(stores.backend.minutes(MINUTE)) == 1


async def test_nothing_is_written_while_nothing_ends(stores, monkeypatch):
    statistics = Statistics(stores, None)
    await statistics.look()
    monkeypatch.setattr(stores.backend, "add_minutes", None)
    monkeypatch.setattr(stores.backend, "prune_minutes", None)
    await statistics.look()
    await statistics.finish()


async def test_what_is_old_goes(stores):
    old = MINUTE - timedelta(seconds=KEPT_SECONDS, minutes=1)
    stores.backend.add_minutes([Minute(old, "mail", 1)])
    await Statistics(stores, None).look()
    assert stores.backend.minutes(old) == []


@pytest.mark.django_db(transaction=True)
def test_a_worker_counts_what_its_jobs_came_to(start_worker):
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    add.enqueue_many([(1, 2)] * 20)
    fail.enqueue("no")
    fail_again.enqueue("no")
    start_worker("--burst").wait()
    backend = runtime.get_stores().backend
    figures, totals = backend.minutes(before), backend.totals(before)
    assert sum(each.succeeded for each in figures) == 20
    assert sum(each.failed for each in figures) == 2
    assert sum(sum(each.ran.values()) for each in figures) == 22
    assert sum(sum(each.waited.values()) for each in figures) == 21  # one was tried again
    assert totals == totals_of(figures)
    assert MinuteStat.objects.count() == len(figures) + len(totals)
