"""Unique and expiring jobs of a site's tasks, on every ledger that a site may have."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from asgiref.sync import async_to_sync
from django.db import connections, transaction

from flowrra_django import AlreadyEnqueued, TaskStatus, runtime, signals
from flowrra_django.models import TaskRecord
from flowrra_django.testing import run_jobs
from tests.contracts.acts import Undo
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need
from tests.support import until
from tests.testapp import tasks

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


def redis_url():
    config = redis_config()
    return {"URL": config.url, "NAMESPACE": config.namespace}


LEDGERS = {
    "database": dict,
    "redis": lambda: {"BACKEND": redis_url()},
    "redis over database": lambda: {"BROKER": redis_url(), "BACKEND": "django://default"},
}


@pytest.fixture(params=LEDGERS)
def site(request, settings):
    """What workers need in their environment."""
    if "redis" in request.param:
        need("redis")
        request.getfixturevalue("ledger_redis")
    settings.FLOWRRA = LEDGERS[request.param]()
    yield {"FLOWRRA_TEST_SETTINGS": json.dumps(settings.FLOWRRA)}
    if runtime.get_stores.cache_info().currsize:
        runtime.get_stores().stop()


@pytest.fixture
def in_memory(settings):
    settings.FLOWRRA = {"BACKEND": "memory://"}


def test_who_enqueues_it_again_has_the_handle_of_the_first(site):
    first = tasks.doze_alone.enqueue(0)
    assert tasks.doze_alone.enqueue(seconds=0) == first
    assert async_to_sync(tasks.doze_alone.aenqueue)(0) == first
    other, again = tasks.doze_alone.enqueue_many([(1,), {"seconds": 0}])
    assert (again, other == first) == (first, False)
    run_jobs(raise_errors=True)
    assert first.get().is_success
    assert tasks.doze_alone.enqueue(0) != first


def test_a_key_is_that_of_its_task_alone(site):
    keyed, other = tasks.double.using(key="k"), tasks.add.using(key="k")
    first = keyed.enqueue(1)
    assert keyed.enqueue(2) == first
    assert other.enqueue(1, 2) != first
    assert tasks.double.enqueue(1) != first
    with pytest.raises(AlreadyEnqueued) as caught:
        keyed.using(on_duplicate="raise").enqueue(3)
    assert caught.value.task_id == first.task_id
    assert first.get().args == (1,)


def test_a_burst_is_one_job_with_the_last_content(site):
    soon = tasks.index_page.using(run_after=MINUTE)
    first, *others = [soon.enqueue(7, text) for text in ("a", "b", "c")]
    assert set(others) == {first}
    run_jobs(scheduled=True, raise_errors=True)
    assert first.get().result == "c"
    assert tasks.index_page.enqueue(7, "d") != first


def test_a_duplicate_is_not_told_of_as_enqueued(site):
    told = []

    def hear(sender, task_result, **_):
        told.append(task_result.task_id)

    signals.task_enqueued.connect(hear)
    try:
        first = tasks.doze_alone.enqueue(0)
        other, _ = tasks.doze_alone.enqueue_many([(1,), (0,)])
    finally:
        signals.task_enqueued.disconnect(hear)
    assert told == [first.task_id, other.task_id]


def test_a_rollback_frees_the_key(site):
    with pytest.raises(Undo), transaction.atomic():
        tasks.doze_alone.enqueue(0)
        raise Undo
    job = tasks.doze_alone.enqueue(0)
    assert job.get().status is TaskStatus.PENDING


@pytest.mark.parametrize("on_duplicate", ["return", "raise"])
def test_in_a_transaction_of_the_ledger_a_duplicate_is_found_at_once(on_duplicate):
    task = tasks.double.using(key="k", on_duplicate=on_duplicate)
    with transaction.atomic():
        first = task.enqueue(1)
        if on_duplicate == "raise":
            with pytest.raises(AlreadyEnqueued):
                task.enqueue(1)
        else:
            assert task.enqueue(1) == first
    assert TaskRecord.objects.count() == 1


@pytest.mark.parametrize("on_duplicate", ["return", "raise"])
@pytest.mark.parametrize("ledger", ["in_memory", "redis"])
def test_a_duplicate_that_is_found_after_the_commit_is_cancelled_and_names_the_first(
    request, settings, ledger, on_duplicate
):
    if ledger == "redis":
        need("redis")
        request.getfixturevalue("ledger_redis")
        settings.FLOWRRA = LEDGERS["redis"]()
    else:
        request.getfixturevalue("in_memory")
    task = tasks.double.using(key="k", on_duplicate=on_duplicate)
    with transaction.atomic():
        first, second = task.enqueue(1), task.enqueue(2)
        assert first != second
    assert first.get().status is TaskStatus.PENDING
    result = second.get()
    assert (result.status, result.args) == (TaskStatus.CANCELLED, (2,))
    assert result.error == f"This is enqueued already, as job {first.task_id}."
    assert task.using(on_duplicate="return").enqueue(3) == first


def test_of_many_producers_and_two_workers_no_two_jobs_run_at_once(site, start_worker):
    workers = [start_worker(**site) for _ in range(2)]

    ids = set()

    def enqueue():
        ids.add(tasks.doze_alone.enqueue(0.02).task_id)
        return len(ids) > 10

    def produce(_):
        try:
            until(enqueue)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(produce, range(4)))
    stores = runtime.get_stores()
    until(lambda: all(r.is_complete for r in stores.backend.results(ids).values()))
    runs = sorted(stores.backend.results(ids).values(), key=lambda result: result.started_at)
    assert len(runs) == len(ids)
    assert {(r.status, r.attempts) for r in runs} == {(TaskStatus.SUCCESS, 1)}
    for before, after in pairwise(runs):
        assert before.finished_at <= after.started_at
    assert all(worker.process.poll() is None for worker in workers)


# Expiry


def test_a_job_that_no_worker_serves_expires_all_the_same(site, start_worker):
    job = tasks.double.using(queue="nobody", expires_in=0.3).enqueue(1)
    ran = tasks.double.using(expires_in=60).enqueue(1)
    for _ in range(2):
        start_worker("--queue", "default", **site)
    result = job.wait(timeout=20)
    assert (result.status, result.error) == (TaskStatus.CANCELLED, "Not started within 0.3 s.")
    assert result.error_type == "flowrra_django.exceptions.JobExpiredError"
    assert ran.wait(timeout=20).is_success


def test_the_time_is_that_of_the_task_unless_told_otherwise(site):
    of_task = tasks.double.definition
    assert of_task.expires_in is None
    result = tasks.double.using(expires_in=MINUTE).enqueue(1).get()
    assert result.expires_at - result.submitted_at == MINUTE
    assert tasks.double.enqueue(1).get().expires_at is None


@pytest.mark.parametrize("delay", [MINUTE, 2 * MINUTE, datetime(2100, 1, 1, tzinfo=UTC)])
def test_a_job_that_would_expire_before_it_is_due_is_refused(delay):
    with pytest.raises(ValueError, match="make expires_in longer than run_after"):
        tasks.double.using(expires_in=MINUTE, run_after=delay).enqueue(1)
    assert not TaskRecord.objects.exists()
    assert tasks.double.using(expires_in=61, run_after=MINUTE).enqueue(1).get().expires_at
