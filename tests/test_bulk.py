"""Many jobs at once: those that fit, on a ledger in the database and in Redis, in batches."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from flowrra_django import (
    JobNotFoundError,
    TaskStatus,
    cancel_jobs,
    count_jobs,
    delete_jobs,
    purge_queue,
    retry_jobs,
    run_jobs_now,
    runtime,
)
from flowrra_django.backends.batches import BATCH
from flowrra_django.testing import run_jobs
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need
from tests.testapp.tasks import add, double, fail

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = "night shift"
DATABASE = {"BACKEND": "django://default"}


def on_redis():
    config = redis_config()
    return {"URL": config.url, "NAMESPACE": config.namespace}


@pytest.fixture(params=["database", "redis", "redis-over-database"], autouse=True)
def _store(request, settings):
    if request.param != "database":
        need("redis")
        request.getfixturevalue("ledger_redis")
        over = DATABASE if request.param == "redis-over-database" else {}
        settings.FLOWRRA = {"BROKER": on_redis(), **over}
    yield
    if runtime.get_stores.cache_info().currsize:
        runtime.get_stores().stop()


@contextmanager
def statements():
    """Collect what is sent to the database."""
    with CaptureQueriesContext(connection) as queries:
        seen = []
        yield seen
    seen += [query["sql"].lstrip() for query in queries]


def statuses(jobs):
    return [job.get().status for job in jobs]


def failed(count, **options):
    jobs = fail.using(**options).enqueue_many([("no luck",)] * count)
    run_jobs()
    return jobs


def test_what_failed_is_run_again_and_nothing_else():
    here, there = failed(3, queue=QUEUE), failed(2, queue="mail")
    done = add.using(queue=QUEUE).enqueue(1, 2)
    run_jobs()
    assert count_jobs(status="failed") == 5
    assert retry_jobs(queue=QUEUE) == 3
    assert statuses([*here, done, *there]) == ["pending"] * 3 + ["success"] + ["failed"] * 2
    run_jobs()
    assert statuses(here) == ["failed"] * 3
    assert retry_jobs(task=[add.name, double.name], status=("failed", "success")) == 1


def test_what_waits_and_what_runs_is_cancelled():
    jobs = add.using(queue=QUEUE, run_after=timedelta(hours=1)).enqueue_many([(1, 2)] * 4)
    others = double.using(queue=QUEUE).enqueue_many([(1,)] * 2)
    assert cancel_jobs(queue=QUEUE, task=add.name) == 4
    assert set(statuses(jobs)) == {TaskStatus.CANCELLED}
    assert set(statuses(others)) == {TaskStatus.PENDING}
    assert cancel_jobs() == 2
    assert cancel_jobs() == 0
    run_jobs()
    assert count_jobs() == count_jobs(status="cancelled") == 6


def test_what_waits_for_its_time_runs_now():
    soon = timedelta(hours=1)
    jobs = add.using(queue=QUEUE, run_after=soon).enqueue_many([(1, 2)] * 4)
    others = double.using(run_after=soon).enqueue_many([(1,)] * 2)
    assert run_jobs_now(queue=QUEUE) == 4
    run_jobs()
    assert statuses([*jobs, *others]) == ["success"] * 4 + ["pending"] * 2
    assert run_jobs_now(status="retrying") == run_jobs_now(queue=QUEUE) == 0
    assert run_jobs_now(task=double.name, older_than=0) == 2


def test_what_ended_is_deleted_and_what_waits_only_where_that_is_said():
    ended, waiting = failed(3), add.enqueue(1, 2)
    assert delete_jobs(task=fail.name, older_than=timedelta(hours=1)) == 0
    assert delete_jobs() == 3
    assert count_jobs() == 1
    assert waiting.get().status is TaskStatus.PENDING
    assert delete_jobs(status="pending") == 1
    run_jobs()
    assert count_jobs() == 0
    assert runtime.get_stores().backend.results([job.task_id for job in ended]) == {}


def test_a_queue_is_purged_of_what_waits_and_of_nothing_else():
    waiting = add.using(queue=QUEUE).enqueue_many([(1, 2)] * (BATCH + 5))
    later = double.using(queue=QUEUE, run_after=timedelta(hours=1)).enqueue(1)
    other = add.enqueue(1, 2)
    assert purge_queue(QUEUE) == BATCH + 6
    assert purge_queue(QUEUE) == purge_queue("none") == 0
    assert set(statuses([waiting[0], waiting[-1], later])) == {TaskStatus.CANCELLED}
    assert other.get().status is TaskStatus.PENDING


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (retry_jobs, "pending"),
        (cancel_jobs, "failed"),
        (delete_jobs, "running"),
        (run_jobs_now, "failed"),
    ],
)
def test_a_state_that_jobs_do_not_leave_so_is_refused(act, status):
    with pytest.raises(ValueError, match=f"and not '{status}'"):
        act(status=status)
    with pytest.raises(ValueError, match="and not 'faild'"):
        act(status="faild")


def test_who_waits_for_a_job_that_is_deleted_is_told():
    job = add.enqueue(1, 2)
    delete_jobs(status="pending")
    with pytest.raises(JobNotFoundError):
        job.wait(timeout=5)


def test_no_transaction_of_a_database_changes_more_than_a_batch():
    if runtime.get_config().backend.family != "database":
        pytest.skip("A script of Redis is given a batch, and this counts statements.")
    add.enqueue_many([(1, 2)] * (2 * BATCH + 1))
    for act, verb in ((cancel_jobs, "UPDATE"), (delete_jobs, "DELETE")):
        with statements() as seen:
            assert act() == 2 * BATCH + 1
        words = [statement.split()[0] for statement in seen]
        assert [word for word in words if word in {verb, "BEGIN"}] == ["BEGIN", verb] * 3


def test_a_thousand_calls_are_one_statement_in_one_transaction():
    if runtime.get_config().backend.family != "database":
        pytest.skip("This counts statements.")
    with statements() as seen:
        add.enqueue_many([(1, 2)] * BATCH)
    writes = [s for s in seen if "INSERT INTO flowrra_django_taskrecord" in s]
    assert len(writes) == 1
    assert [s.split()[0] for s in seen if s.startswith(("BEGIN", "COMMIT"))] == ["BEGIN", "COMMIT"]


def test_a_job_tells_who_cancelled_it():
    job, other = add.enqueue(1, 2), double.using(queue=QUEUE).enqueue(1)
    assert cancel_jobs(task=add.name, by="ada") == purge_queue(QUEUE, by="grace") == 1
    assert (job.get().cancelled_by, other.get().cancelled_by) == ("ada", "grace")
