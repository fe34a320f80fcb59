"""Every ledger: jobs that are chosen by what they are like. `BaseBackend.select`, `delete`."""

from itertools import chain, product

import pytest

from flowrra_django.backends.database import selecting
from flowrra_django.backends.selection import Selection
from flowrra_django.job import Kind
from flowrra_django.results import AT_REST, FINAL, UNFINISHED, WAITING, TaskStatus
from tests.contracts.acts import (
    IO,
    claim_new,
    failure,
    record,
    record_many,
    result_of,
    status_of,
    success,
    to_retry,
)

EVERY = frozenset(TaskStatus)
NAMES, QUEUES = ("shop.a", "shop.b", "it's"), ("default", "mail")


def into_state(backend, status, **options):
    """Record a job and bring it into a state; return its id."""
    if status in {TaskStatus.PENDING, TaskStatus.CANCELLED}:
        task_id = record(backend, **options)
        if status is TaskStatus.CANCELLED:
            backend.cancel([task_id])
        return task_id
    job = claim_new(backend, "w", **options)
    make = {"success": success, "failed": failure, "retrying": to_retry}.get(status)
    if make:
        backend.settle("w", [make(job)])
    return job.task_id


@pytest.fixture
def jobs(backend):
    """Jobs of each task, queue and state: what each is like, by id."""
    return {
        into_state(backend, status, task_name=name, queue=queue): (name, queue, status)
        for name, queue, status in product(NAMES, QUEUES, TaskStatus)
    }


def select(backend, statuses=EVERY, **options):
    return [*chain(*backend.select(Selection(statuses=statuses, **options)))]


# select


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_any_combination_finds_each_job_that_fits_once(backend, jobs, step, monkeypatch):
    monkeypatch.setattr(selecting, "STEP", step)
    for tasks, queues, statuses in product(
        (None, NAMES[:1], NAMES[1:], ["none"], []),
        (None, QUEUES[:1], QUEUES, []),
        (EVERY, [TaskStatus.FAILED], WAITING, []),
    ):
        expected = [
            task_id
            for task_id, (name, queue, status) in jobs.items()
            if (tasks is None or name in tasks)
            and (queues is None or queue in queues)
            and status in statuses
        ]
        found = select(backend, statuses, tasks=tasks, queues=queues)
        assert sorted(found) == sorted(expected), (tasks, queues, statuses)


def test_where_nothing_was_recorded_nothing_is_found(backend):
    assert select(backend) == []


def test_what_was_enqueued_too_lately_is_left_out(backend, clock):
    old = record_many(backend, 3)
    clock.advance(100)
    young = record(backend)
    assert sorted(select(backend, older_than=50)) == sorted(old)
    assert len(select(backend, older_than=0)) == 4
    assert select(backend, older_than=1000) == []
    assert young not in select(backend, WAITING, queues=["default"], older_than=50)


def test_what_comes_while_one_goes_through_them_is_not_gone_after(backend, monkeypatch):
    monkeypatch.setattr(selecting, "STEP", 2)
    first = record_many(backend, 4)
    found = []
    for ids in backend.select(Selection(statuses=WAITING)):
        found += ids
        record_many(backend, 4)  # as a producer would that is faster than we are
        assert len(found) < 100
    assert set(first) <= set(found)


def test_a_name_that_is_no_pattern_is_taken_as_it_is(backend):
    record(backend, task_name="shop.a")
    for name in ("shop%", "shop_a", "shop*", "SHOP.A", "shop.a "):
        assert select(backend, tasks=[name]) == []


# Only from the states that are named


@pytest.mark.parametrize("status", TaskStatus)
def test_a_change_leaves_what_is_in_another_state_than_those_named(backend, status):
    task_id = into_state(backend, status)
    others = EVERY - {status}
    assert backend.cancel([task_id], others) == set()
    assert backend.retry([task_id], others) == []
    assert backend.delete([task_id], others) == set()
    assert status_of(backend, task_id) is status


@pytest.mark.parametrize("status", TaskStatus)
def test_a_change_does_no_more_than_it_can_whatever_states_are_named(backend, status):
    ids = [into_state(backend, status) for _ in range(3)]
    assert backend.retry([ids[0]], EVERY) == [] or status in FINAL
    assert bool(backend.cancel([ids[1]], EVERY)) is (status in UNFINISHED)
    assert bool(backend.delete([ids[2]], EVERY)) is (status in AT_REST)


# delete


def test_a_job_that_is_deleted_is_nowhere(backend, clock):
    ids = [into_state(backend, status, queue="mail") for status in AT_REST]
    running = claim_new(backend, "w", queue="mail").task_id
    assert backend.delete([*ids, running, "nobody", ids[0]]) == set(ids)
    assert set(backend.results([*ids, running])) == {running}
    assert backend.settled_among(ids) == set(ids)
    assert backend.queues() == set()
    assert backend.waiting([IO], 10) == []
    assert select(backend) == [running]
    assert [job.task_id for job in backend.held("w", Kind.IO)] == [running]
    clock.advance(100)
    assert backend.prune(50, 10) == 0


def test_a_deleted_job_is_not_claimed(backend):
    task_id = record(backend)
    claim_new(backend, "w")
    backend.delete([task_id])
    assert backend.claim("w", [task_id]) == ([], [])


def test_thousands_are_changed_in_one_call(backend):
    ids = record_many(backend, 2500)
    assert backend.cancel(ids) == set(ids)
    assert len(backend.retry(ids)) == 2500
    assert backend.delete(ids) == set(ids)
    assert select(backend) == []


def test_the_ledger_tells_its_time(backend, clock):
    task_id = record(backend)
    since = (backend.now() - result_of(backend, task_id).submitted_at).total_seconds()
    assert 0 <= since < 10
