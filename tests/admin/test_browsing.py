from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from flowrra_django.backends.database import browsing, selecting
from flowrra_django.backends.database.browsing import (
    Count,
    Found,
    as_of_now,
    count,
    every,
    newest,
    values,
)
from flowrra_django.backends.database.wanted import Wanted
from flowrra_django.models import TaskRecord
from flowrra_django.results import TaskStatus
from tests.admin.support import make_pending, make_record

NAMES = ("shop.a", "shop.b", "shop.c", "mail.a")
QUEUES = ("default", "mail")
STATUSES = ("pending", "running", "success", "failed")
WORKERS = ("w1", "w2")

ASKED = ("names", "queue", "status", "worker", "since", "is_retried")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SINCE = (None, NOON - timedelta(days=1), NOON + timedelta(minutes=70), NOON + timedelta(days=1))

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobs() -> list[TaskRecord]:
    chance = random.Random(7)
    return [
        make_record(
            task_name=chance.choice(NAMES),
            queue=chance.choice(QUEUES),
            status=chance.choice(STATUSES),
            worker=chance.choice(WORKERS),
            attempts=chance.choice((0, 1, 2)),
            submitted_at=NOON + timedelta(minutes=number),
        )
        for number in range(120)
    ]


def fits(job: TaskRecord, wanted: Wanted) -> bool:
    return (
        (wanted.names is None or job.task_name in wanted.names)
        and wanted.queue in {None, job.queue}
        and wanted.status in {None, job.status}
        and wanted.worker in {None, job.worker}
        and (wanted.since is None or job.submitted_at >= wanted.since)
        and (job.attempts > 1 or not wanted.is_retried)
    )


@pytest.mark.parametrize("window", [3, 20, 40, 1000])
def test_any_combination_of_conditions_finds_the_newest_jobs_that_fit_all(
    jobs: list[TaskRecord], window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", window)
    names = (None, (), NAMES[:1], NAMES[:2], NAMES)
    queues, statuses, workers = (None, "mail"), (None, "running", "failed"), (None, "w1")
    for asked in product(names, queues, statuses, workers, SINCE, (False, True)):
        wanted = Wanted(**dict(zip(ASKED, asked, strict=True)))
        expected = [job.pk for job in reversed(jobs) if fits(job, wanted)]
        found = newest("default", wanted, 10)
        if found.is_windowed:
            assert found.ids == expected[: len(found.ids)]
            assert window < 1000
        else:
            assert found == Found(expected[:10], has_more=len(expected) > 10), wanted


def ended(job: TaskRecord, wanted: Wanted) -> bool:
    """Whether a job was submitted, and ended, within the times that are asked for."""
    return (
        (wanted.until is None or job.submitted_at < wanted.until)
        and (wanted.ended_from is None or bool(job.finished_at >= wanted.ended_from))
        and (wanted.ended_until is None or bool(job.finished_at < wanted.ended_until))
    )


def any_wanted(chance: random.Random) -> Wanted:
    """Return one of many combinations of conditions, times among them."""
    moments = [None, None, *(NOON + timedelta(minutes=m) for m in (-20, 30, 60, 90, 500))]
    return Wanted(
        names=chance.choice((None, NAMES[:1], NAMES[:2])),
        queue=chance.choice((None, None, "mail")),
        status=chance.choice((None, None, "running", "failed")),
        worker=chance.choice((None, None, "w1")),
        since=chance.choice(moments),
        until=chance.choice(moments),
        ended_from=chance.choice(moments),
        ended_until=chance.choice(moments),
        is_retried=chance.random() < 0.2,
    )


@pytest.mark.parametrize("window", [3, 40, 1000])
def test_times_are_conditions_like_any_other(
    jobs: list[TaskRecord], window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", window)
    chance = random.Random(window)
    for job in jobs:
        minutes = timedelta(minutes=chance.randrange(-30, 130))
        job.finished_at = NOON + minutes + timedelta(microseconds=7)
        job.save()
    for _ in range(150):
        wanted = any_wanted(chance)
        expected = [j.pk for j in reversed(jobs) if fits(j, wanted) and ended(j, wanted)]
        found = newest("default", wanted, 10)
        if found.is_windowed:
            assert set(found.ids) <= set(expected), wanted
            assert window < 1000
        else:
            assert found == Found(expected[:10], has_more=len(expected) > 10), wanted
        known = {job.pk: job.task_id for job in jobs}
        in_order = [known[pk] for pk in reversed(expected)]
        assert [i for ids in every("default", wanted, TaskStatus) for i in ids] == in_order


def test_of_jobs_that_ended_within_a_time_those_are_found_that_ended_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 5)
    jobs = [make_record(finished_at=NOON - timedelta(minutes=n)) for n in range(20)]
    for _ in range(20):
        make_record(finished_at=NOON + timedelta(days=1))
    found = newest("default", Wanted(ended_until=NOON + timedelta(hours=1)), 5)
    assert found == Found([job.pk for job in reversed(jobs[1:6])], True, is_windowed=True)


def test_what_few_jobs_fit_is_looked_through_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 5)
    old = make_record(task_name="shop.b", queue="mail", status="failed")
    for _ in range(20):
        make_record(task_name="shop.b", queue="mail")
    wanted = Wanted(names=("shop.a", "shop.b"), queue="mail", status="failed")
    assert newest("default", wanted, 10) == Found([old.pk], has_more=False)


def test_many_jobs_that_fit_two_conditions_are_found_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 5)
    old = [make_record(queue="mail") for _ in range(8)]
    for _ in range(20):
        make_pending(queue="mail")
    found = newest("default", Wanted(queue="mail", status="success"), 10)
    assert found == Found([job.pk for job in reversed(old)], has_more=False)


def test_beyond_the_window_it_says_that_older_jobs_were_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 5)
    for name in ("shop.a", "shop.b") * 10:
        make_record(task_name=name, queue="mail")
    wanted = Wanted(names=("shop.a", "shop.c"), queue="mail")
    found = newest("default", wanted, 10)
    assert found.is_windowed
    assert len(found.ids) == 3  # of the newest six


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["a%", "a_b", "ab", "b", "ä"]),
        ("a", ["a%", "a_b", "ab"]),
        ("a_", ["a_b"]),
        ("a%", ["a%"]),
        ("A", []),
        ("ä", ["ä"]),
        ("zz", []),
    ],
)
def test_the_values_of_a_column_are_found_by_how_they_begin(
    prefix: str, expected: list[str]
) -> None:
    for name in ("ab", "b", "a_b", "a%", "ä", "b"):
        make_record(task_name=name)
    assert values("default", "task_name", prefix, 10) == expected
    assert values("default", "task_name", prefix, 2) == expected[:2]


def test_an_empty_table_has_no_values_and_no_jobs() -> None:
    assert values("default", "queue", "", 10) == []
    assert newest("default", Wanted(), 10) == Found([], has_more=False)


# All of them


def all_of(wanted: Wanted, *states: TaskStatus) -> list[str]:
    return [task_id for ids in every("default", wanted, states or TaskStatus) for task_id in ids]


def test_all_jobs_that_fit_are_gone_through_however_many_a_step_has(
    jobs: list[TaskRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "STEP", 7)
    monkeypatch.setattr(browsing, "WINDOW", 3)
    wanted = Wanted(names=NAMES[:2], worker="w1")
    assert all_of(wanted) == [job.task_id for job in jobs if fits(job, wanted)]
    failed = [job.task_id for job in jobs if job.status == "failed"]
    assert all_of(Wanted(), TaskStatus.FAILED) == all_of(Wanted(status="failed")) == failed
    assert all_of(Wanted(status="failed"), TaskStatus.SUCCESS) == all_of(Wanted(names=())) == []
    assert all_of(Wanted(task_id=jobs[3].task_id)) == [jobs[3].task_id]
    assert all_of(Wanted(task_id=jobs[3].task_id, queue="none")) == []


def test_what_came_or_ended_since_is_left_out() -> None:
    before, waited = make_record(status="failed"), make_pending()
    asked = as_of_now("default", Wanted())
    again = make_record(status="failed")
    TaskRecord.objects.filter(pk=waited.pk).update(
        status="failed", finished_at=asked.seen_at + timedelta(seconds=1)
    )
    assert all_of(asked) == [before.task_id]
    assert all_of(Wanted()) == [before.task_id, waited.task_id, again.task_id]
    assert all_of(as_of_now("default", Wanted(queue="none"))) == []


def test_in_an_empty_table_there_is_nothing_as_of_now() -> None:
    asked = as_of_now("default", Wanted())
    make_record()
    assert all_of(asked) == []


def test_jobs_are_counted_as_far_as_they_are_listed(
    jobs: list[TaskRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    final = [job for job in jobs if job.status in {"success", "failed"}]
    states = (TaskStatus.SUCCESS, TaskStatus.FAILED)
    assert count("default", Wanted(), states, 1000) == Count(len(final), is_more=False)
    assert count("default", Wanted(), states, 7) == Count(7, is_more=True)
    assert count("default", Wanted(status="running"), states, 7) == Count(0, is_more=False)
    monkeypatch.setattr(browsing, "WINDOW", 5)
    counted = count("default", Wanted(worker="w1"), states, 1000)
    assert counted.is_more
    assert 0 < counted.number < len(final)
