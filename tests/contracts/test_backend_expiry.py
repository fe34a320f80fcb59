"""Every ledger: jobs that are not started in time. `BaseBackend.expire`, and claims."""

from datetime import timedelta

import pytest

from flowrra_django.job import Kind
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    IO,
    claim,
    enlist,
    failure,
    give_back,
    new_job,
    record,
    record_many,
    rescue,
    result_of,
    status_of,
    success,
    to_retry,
)

MINUTE = timedelta(seconds=60)


def assert_expired(backend, task_id, clock):
    result = result_of(backend, task_id)
    assert result.status is TaskStatus.CANCELLED
    assert result.error == "Not started within 60 s."
    assert result.error_type == "flowrra_django.exceptions.JobExpiredError"
    assert (result.started_at, result.worker, result.attempts) == (None, None, 0)
    assert result.finished_at <= clock.moment()


def test_a_job_says_until_when_it_is_to_start(backend):
    result = result_of(backend, record(backend, expires_in=MINUTE))
    assert result.expires_at - result.submitted_at == MINUTE
    assert result_of(backend, record(backend)).expires_at is None


def test_a_job_that_expired_is_neither_won_nor_returned_and_has_ended(backend, clock):
    enlist(backend, "w")
    late = record(backend, expires_in=MINUTE)
    others = [record(backend), record(backend, expires_in=2 * MINUTE)]
    clock.advance(61)
    backend.expire(0)
    jobs, waiting = backend.claim("w", [late, *others])
    assert ([job.task_id for job in jobs], waiting) == (others, [])
    backend.expire(10)  # in memory it is not the claim that cancels
    assert_expired(backend, late, clock)
    assert backend.held("w", Kind.IO) == jobs


def test_a_job_is_started_until_it_expires(backend, clock):
    enlist(backend, "w")
    task_id = record(backend, expires_in=MINUTE)
    clock.advance(58)
    assert backend.expire(10) == []
    assert claim(backend, "w", task_id).task_id == task_id


def test_what_nobody_claims_is_cancelled_by_a_sweep_and_told(backend, clock):
    ids = record_many(backend, 3, expires_in=MINUTE)
    delayed = record(backend, run_after=MINUTE / 2, expires_in=MINUTE)
    kept = [record(backend), record(backend, expires_in=2 * MINUTE)]
    assert backend.expire(10) == []
    clock.advance(61)
    assert set(backend.expire(10)) == {*ids, delayed}
    for task_id in (*ids, delayed):
        assert_expired(backend, task_id, clock)
    assert backend.expire(10) == []
    assert set(backend.waiting([IO], 10)) == set(kept)
    assert backend.settled_among([*ids, *kept]) == set(ids)


def test_a_sweep_goes_batch_by_batch_the_earliest_first(backend, clock):
    later = record(backend, expires_in=2 * MINUTE)
    ids = record_many(backend, 4, expires_in=MINUTE)
    clock.advance(121)
    batches = [backend.expire(3) for _ in range(3)]
    assert [len(batch) for batch in batches] == [3, 2, 0]
    assert later in batches[1]
    assert {task_id for batch in batches for task_id in batch} == {later, *ids}


STARTED = {
    "it runs": lambda backend, job: None,
    "it waits for its retry": lambda backend, job: backend.settle("w", [to_retry(job, 1)]),
    "it was given back": lambda backend, job: backend.release("w", [give_back(job)]),
    "it was rescued": lambda backend, job: (rescue(backend, "w"), enlist(backend, "w")),
    "it succeeded": lambda backend, job: backend.settle("w", [success(job)]),
}


@pytest.mark.parametrize("step", STARTED.values(), ids=STARTED)
def test_a_job_that_was_claimed_in_time_does_not_expire_when(backend, clock, step):
    enlist(backend, "w")
    job = claim(backend, "w", record(backend, expires_in=MINUTE))
    step(backend, job)
    status = status_of(backend, job.task_id)
    clock.advance(1000)
    assert backend.expire(10) == []
    assert status_of(backend, job.task_id) is status
    if status.is_waiting:
        assert claim(backend, "w", job.task_id).task_id == job.task_id


@pytest.mark.parametrize("how", ["expired", "failed"])
def test_a_job_that_is_retried_by_hand_does_not_expire(backend, clock, how):
    enlist(backend, "w")
    task_id = record(backend, expires_in=MINUTE)
    if how == "failed":
        backend.settle("w", [failure(claim(backend, "w", task_id))])
    clock.advance(61)
    backend.expire(10)
    assert backend.retry([task_id])
    assert result_of(backend, task_id).expires_at is None
    clock.advance(1000)
    assert backend.expire(10) == []
    assert claim(backend, "w", task_id).task_id == task_id


def test_what_was_cancelled_before_it_expired_stays_as_it_was(backend, clock):
    task_id = record(backend, expires_in=MINUTE)
    backend.cancel([task_id])
    before = result_of(backend, task_id)
    clock.advance(61)
    assert backend.expire(10) == []
    assert result_of(backend, task_id) == before


def test_a_key_of_what_expired_is_free(backend, clock):
    first, second = (new_job(backend, unique_key="k", expires_in=MINUTE) for _ in range(2))
    backend.record_unique([first])
    clock.advance(61)
    backend.expire(10)
    assert backend.record_unique([second]).duplicates == {}
    enlist(backend, "w")
    clock.advance(61)
    backend.claim("w", [second.task_id])
    backend.expire(10)
    third = new_job(backend, unique_key="k")
    assert backend.record_unique([third]).duplicates == {}
