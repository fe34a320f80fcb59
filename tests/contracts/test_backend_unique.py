"""Every ledger: one job at a time with a key. `BaseBackend.record_unique`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from flowrra_django.exceptions import AlreadyEnqueued
from flowrra_django.job import UNTIL_START, Job, Kind, OnDuplicate
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    IO,
    claim,
    crash,
    enlist,
    failure,
    give_back,
    new_job,
    record,
    rescue,
    result_of,
    status_of,
    success,
    to_retry,
)

KEY = "a" * 64
START_KEY = UNTIL_START + KEY


def keyed(backend, *args, key=KEY, **options) -> Job:
    return new_job(backend, *args, unique_key=key, **options)


def held(backend, *args, **options) -> Job:
    """Record a job with a key, and claim it."""
    enlist(backend, "w")
    job = keyed(backend, *args, **options)
    backend.record_unique([job])
    return claim(backend, "w", job.task_id)


def first_of(backend, key=KEY):
    """Return the id of the job that has the key; None if it is free."""
    probe = keyed(backend, key=key)
    first = backend.record_unique([probe]).duplicates.get(probe.task_id)
    if first is None:
        backend.cancel([probe.task_id])
    return first


def test_a_key_that_is_free_is_taken_and_the_job_waits(backend):
    job = keyed(backend, 1)
    (entry,), replaced, duplicates = backend.record_unique([job])
    assert (entry.task_id, entry.lane, replaced, duplicates) == (job.task_id, IO, [], {})
    assert status_of(backend, job.task_id) is TaskStatus.PENDING
    assert first_of(backend) == job.task_id


def test_the_second_of_a_key_is_not_recorded_and_the_first_is_named(backend):
    first, second = keyed(backend, 1), keyed(backend, 2)
    backend.record_unique([first])
    assert backend.record_unique([second]) == ([], [], {second.task_id: first.task_id})
    assert set(backend.results([first.task_id, second.task_id])) == {first.task_id}
    assert backend.waiting([IO], 10) == [first.task_id]


def test_other_keys_and_jobs_without_one_are_not_held_up(backend):
    jobs = [keyed(backend), keyed(backend, key="b"), *(keyed(backend, key=None) for _ in range(3))]
    entries, _, duplicates = backend.record_unique(jobs)
    assert [entry.task_id for entry in entries] == [job.task_id for job in jobs]
    assert duplicates == {}


def test_duplicates_in_a_batch_are_of_its_first_or_of_one_before(backend):
    before = keyed(backend, key="before")
    backend.record_unique([before])
    keys = ["x", "y", "x", "before", "y", "z", "x"]
    jobs = [keyed(backend, number, key=key) for number, key in enumerate(keys)]
    entries, _, duplicates = backend.record_unique(jobs)
    ids = [job.task_id for job in jobs]
    assert [entry.task_id for entry in entries] == [ids[0], ids[1], ids[5]]
    assert duplicates == {ids[2]: ids[0], ids[3]: before.task_id, ids[4]: ids[1], ids[6]: ids[0]}
    assert set(backend.results(ids)) == {ids[0], ids[1], ids[5]}


def test_a_big_batch_is_told_apart(backend):
    jobs = [keyed(backend, number, key=f"k{number % 700}") for number in range(1400)]
    entries, _, duplicates = backend.record_unique(jobs)
    assert len(entries) == 700
    assert all(duplicates[jobs[n].task_id] == jobs[n - 700].task_id for n in range(700, 1400))


# Until when a key is taken

ENDS = {
    "it succeeds": lambda backend, job: backend.settle("w", [success(job)]),
    "it fails": lambda backend, job: backend.settle("w", [failure(job)]),
    "many end at once": lambda backend, job: backend.settle(
        "w", [success(job), failure(held(backend, key="other"))]
    ),
    "it would be retried and is to be cancelled": lambda backend, job: (
        backend.cancel([job.task_id]),
        backend.settle("w", [to_retry(job)]),
    ),
    "it is given back and is to be cancelled": lambda backend, job: (
        backend.cancel([job.task_id]),
        backend.release("w", [give_back(job)]),
    ),
    "it is stopped": lambda backend, job: backend.settle(
        "w", [replace(success(job), status=TaskStatus.CANCELLED, was_stopped=True)]
    ),
    "its last crash": lambda backend, job: backend.settle("w", [crash(job)]),
    "its worker goes away": lambda backend, job: rescue(backend, "w"),
    "it waits again and is cancelled": lambda backend, job: (
        backend.release("w", [give_back(job)]),
        backend.cancel([job.task_id]),
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_key_is_given_up_when(backend, end):
    job = held(backend, max_crashes=0)
    assert first_of(backend) == job.task_id
    end(backend, job)
    assert status_of(backend, job.task_id).is_final
    assert first_of(backend) is None


KEEPS = {
    "it runs": lambda backend, job: None,
    "it is to be cancelled": lambda backend, job: backend.cancel([job.task_id]),
    "it waits for its retry": lambda backend, job: backend.settle("w", [to_retry(job, 60)]),
    "it lost its process": lambda backend, job: backend.settle("w", [crash(job)]),
    "it was given back": lambda backend, job: backend.release("w", [give_back(job)]),
    "it was rescued": lambda backend, job: rescue(backend, "w"),
}


@pytest.mark.parametrize("step", KEEPS.values(), ids=KEEPS)
def test_a_key_until_the_end_is_kept_while(backend, step):
    job = held(backend)
    step(backend, job)
    assert first_of(backend) == job.task_id


@pytest.mark.parametrize("step", KEEPS.values(), ids=KEEPS)
def test_a_key_until_the_start_is_given_up_then_and_not_taken_again_while(backend, step):
    job = keyed(backend, key=START_KEY)
    backend.record_unique([job])
    assert first_of(backend, START_KEY) == job.task_id
    enlist(backend, "w")
    step(backend, claim(backend, "w", job.task_id))
    assert first_of(backend, START_KEY) is None


def test_a_key_of_a_job_that_is_deleted_is_free(backend):
    job = keyed(backend)
    backend.record_unique([job])
    backend.delete([job.task_id])
    assert first_of(backend) is None


def test_a_job_that_is_retried_by_hand_does_not_take_its_key_again(backend):
    job = held(backend)
    backend.settle("w", [failure(job)])
    backend.retry([job.task_id])
    second = keyed(backend)
    assert backend.record_unique([second]).duplicates == {}
    backend.settle("w", [success(claim(backend, "w", job.task_id))])
    assert first_of(backend) == second.task_id


def test_a_late_write_of_the_first_does_not_free_the_key_of_the_second(backend):
    job = held(backend, max_crashes=0)
    rescue(backend, "w")
    second = keyed(backend)
    backend.record_unique([second])
    backend.settle("w", [success(job)])
    backend.cancel([job.task_id])
    assert first_of(backend) == second.task_id


# What comes of the second


def test_who_wants_an_error_has_one_that_names_the_first_and_nothing_is_stored(backend):
    first = keyed(backend)
    backend.record_unique([first])
    jobs = [
        keyed(backend, key=key, on_duplicate=OnDuplicate.RAISE) for key in ("new", KEY, "newer")
    ]
    with pytest.raises(AlreadyEnqueued, match=first.task_id) as caught:
        backend.record_unique(jobs)
    assert caught.value.task_id == first.task_id
    assert backend.results([job.task_id for job in jobs]) == {}
    assert first_of(backend, "new") is None


def test_an_error_comes_of_a_duplicate_in_one_batch_too(backend):
    jobs = [keyed(backend, on_duplicate=OnDuplicate.RAISE) for _ in range(2)]
    with pytest.raises(AlreadyEnqueued):
        backend.record_unique(jobs)
    assert backend.results([job.task_id for job in jobs]) == {}
    assert backend.record_unique(jobs[:1]).duplicates == {}


def replacing(backend, *args, **options):
    return keyed(backend, *args, key=START_KEY, on_duplicate=OnDuplicate.REPLACE, **options)


def test_a_job_that_waits_gets_the_content_and_time_of_the_one_that_replaces_it(backend, clock):
    soon, later = timedelta(seconds=60), timedelta(seconds=100)
    first = replacing(backend, 1, run_after=soon)
    second = replacing(backend, 2, run_after=later, queue="mail", kind=Kind.CPU, priority=4)
    assert backend.record_unique([first]).replaced == []
    clock.advance(30)
    entries, (entry,), duplicates = backend.record_unique([second])
    assert (entries, duplicates) == ([], {second.task_id: first.task_id})
    assert (entry.task_id, entry.lane, entry.priority) == (first.task_id, second.lane, 4)
    assert entry.delay == pytest.approx(100, abs=1)
    result = result_of(backend, first.task_id)
    assert (result.args, result.queue, result.priority) == ((2,), "mail", 4)
    assert result.run_after - result.submitted_at == later
    enlist(backend, "w")
    clock.advance(95)
    assert backend.claim("w", [first.task_id]).jobs == []
    clock.advance(6)
    job = claim(backend, "w", first.task_id)
    assert (job.lane, backend.codec.decode(job.args)) == (second.lane, [2])


def test_the_last_of_a_batch_replaces_those_before(backend):
    jobs = [replacing(backend, number) for number in range(3)]
    recorded = backend.record_unique(jobs)
    assert {entry.task_id for entry in recorded.entries} == {jobs[0].task_id}
    assert set(recorded.duplicates.values()) == {jobs[0].task_id}
    assert result_of(backend, jobs[0].task_id).args == (2,)


def test_what_has_started_is_not_replaced_but_followed(backend):
    first = held(backend, 1, key=START_KEY, on_duplicate=OnDuplicate.REPLACE)
    second = replacing(backend, 2)
    assert backend.record_unique([second]).duplicates == {}
    assert result_of(backend, first.task_id).args == (1,)
    assert backend.waiting([IO], 10) == [second.task_id]


@pytest.mark.parametrize("choice", OnDuplicate)
def test_a_late_duplicate_is_recorded_as_cancelled_and_names_the_first(backend, choice):
    first = keyed(backend, 1, key=START_KEY)
    backend.record_unique([first])
    late = replace(replacing(backend, 2), on_duplicate=choice)
    new = keyed(backend, key="new")
    entries, replaced, duplicates = backend.record_unique([late, new], is_late=True)
    assert [entry.task_id for entry in entries] == [new.task_id]
    assert duplicates == {late.task_id: first.task_id}
    result = result_of(backend, late.task_id)
    assert (result.status, result.args) == (TaskStatus.CANCELLED, (2,))
    assert result.error_type == "flowrra_django.exceptions.AlreadyEnqueued"
    assert first.task_id in result.error
    assert result_of(backend, first.task_id).args == ((2,) if replaced else (1,))
    assert bool(replaced) is (choice is OnDuplicate.REPLACE)
    assert first_of(backend, START_KEY) == first.task_id


def test_a_key_is_no_obstacle_to_jobs_without_one(backend):
    backend.record_unique([keyed(backend)])
    ids = [record(backend) for _ in range(3)]
    assert set(backend.results(ids)) == set(ids)
