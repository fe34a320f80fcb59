"""Every ledger: a job that waits is to run now. `BaseBackend.run_now`."""

from datetime import timedelta

import pytest

from flowrra_django.job import FIRST_PRIORITY, Kind, Lane
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    IO,
    claim,
    claim_new,
    enlist,
    failure,
    record,
    record_many,
    result_of,
    status_of,
    success,
    to_retry,
)

HOUR = timedelta(hours=1)


def test_a_delayed_job_is_due_at_once(backend, clock):
    enlist(backend, "w")
    task_id = record(backend, run_after=HOUR, queue="mail")
    planned = result_of(backend, task_id).run_after
    (entry,) = backend.run_now([task_id])
    assert (entry.task_id, entry.lane) == (task_id, Lane("mail", Kind.IO))
    assert (entry.priority, entry.delay) == (FIRST_PRIORITY, 0)
    result = result_of(backend, task_id)
    assert result.status is TaskStatus.PENDING
    assert result.submitted_at <= result.run_after < planned - HOUR / 2
    assert claim(backend, "w", task_id).priority == FIRST_PRIORITY


def test_a_job_that_waits_for_another_try_is_due_at_once_and_keeps_its_past(backend):
    job = claim_new(backend, "w")
    backend.settle("w", [to_retry(job, 3600)])
    assert [entry.task_id for entry in backend.run_now([job.task_id])] == [job.task_id]
    result = result_of(backend, job.task_id)
    assert (result.status, result.failures, result.run_after) == (TaskStatus.RETRYING, 1, None)
    again = claim(backend, "w", job.task_id)
    assert (again.attempts, again.failures, again.claim) == (2, 1, 2)


def test_a_moment_to_run_after_that_is_past_stays(backend, clock):
    task_id = record(backend, run_after=timedelta(seconds=1))
    planned = result_of(backend, task_id).run_after
    clock.advance(2)
    enlist(backend, "w")
    job = claim(backend, "w", task_id)
    backend.settle("w", [to_retry(job, 3600)])
    backend.run_now([task_id])
    assert result_of(backend, task_id).run_after <= planned


def test_it_can_be_waited_for_no_longer_in_the_ledger(backend):
    task_id = record(backend, run_after=HOUR)
    assert not backend.has_work([IO])
    backend.run_now([task_id])
    assert backend.has_work([IO])
    assert backend.waiting([IO], 10) == [task_id]


def test_what_does_not_wait_and_what_is_unknown_is_left_alone(backend):
    running, done, failed = (claim_new(backend, "w") for _ in range(3))
    backend.settle("w", [success(done), failure(failed)])
    gone = record(backend)
    backend.cancel([gone])
    asked = [running.task_id, done.task_id, failed.task_id, gone, "nobody"]
    before = backend.results(asked)
    assert backend.run_now(asked) == []
    assert backend.results(asked) == before
    assert backend.held("w", Kind.IO) == [running]


@pytest.mark.parametrize("state", [TaskStatus.PENDING, TaskStatus.RETRYING])
def test_only_those_in_the_states_that_are_named_are_hurried(backend, state):
    ids = {TaskStatus.PENDING: record(backend, run_after=HOUR)}
    again = claim_new(backend, "w")
    ids[TaskStatus.RETRYING] = again.task_id
    backend.settle("w", [to_retry(again, 3600)])
    assert backend.run_now(ids.values(), []) == []
    assert [entry.task_id for entry in backend.run_now(ids.values(), [state])] == [ids[state]]
    assert {status_of(backend, task_id) for task_id in ids.values()} == set(ids)


def test_an_id_may_come_twice_and_more_than_a_batch_is_hurried(backend):
    ids = record_many(backend, 1201, run_after=HOUR)
    assert len(backend.run_now([*ids, ids[0]])) in {1201, 1202}
    enlist(backend, "w")
    assert len(backend.claim("w", ids).jobs) == 1201


def test_a_job_that_is_to_run_now_can_still_be_cancelled_and_its_time_to_expire_stays(backend):
    task_id = record(backend, run_after=HOUR, expires_in=2 * HOUR)
    expires_at = result_of(backend, task_id).expires_at
    backend.run_now([task_id])
    assert result_of(backend, task_id).expires_at == expires_at
    assert backend.cancel([task_id]) == {task_id}
    assert backend.waiting([IO], 10) == []
