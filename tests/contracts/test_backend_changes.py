"""Every ledger: what anybody does to jobs. `BaseBackend.cancel`, `retry` and `prune`."""

from datetime import timedelta

import orjson
import pytest

from flowrra_django.job import Kind, Lane
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    FAULT,
    IO,
    claim,
    claim_new,
    failure,
    record,
    record_many,
    result_of,
    status_of,
    success,
    to_retry,
)

SOON = timedelta(seconds=60)


def ended(backend, make=success, **options):
    """Return a job that was claimed and settled."""
    job = claim_new(backend, "w", **options)
    backend.settle("w", [make(job)])
    return job


def cancelled(backend):
    task_id = record(backend)
    backend.cancel([task_id])
    return task_id


# cancel


def test_a_job_that_waits_is_cancelled_at_once(backend, clock):
    ready, delayed, again = (
        record(backend),
        record(backend, run_after=SOON),
        claim_new(backend, "w"),
    )
    backend.settle("w", [to_retry(again, 60)])
    ids = {ready, delayed, again.task_id}
    assert backend.cancel(ids) == ids
    results = backend.results(ids).values()
    assert {result.status for result in results} == {TaskStatus.CANCELLED}
    assert all(result.finished_at <= clock.moment() for result in results)
    assert backend.waiting([IO], 10) == []
    assert backend.queues() == set()


def test_a_running_job_is_asked_to_end_and_runs_on(backend):
    job = claim_new(backend, "w")
    assert backend.cancel([job.task_id]) == {job.task_id}
    assert backend.cancel([job.task_id]) == {job.task_id}
    result = result_of(backend, job.task_id)
    assert (result.status, result.finished_at) == (TaskStatus.RUNNING, None)
    assert backend.held("w", Kind.IO) == [job]


def test_what_is_final_or_unknown_is_not_cancelled(backend):
    done, failed, gone = ended(backend), ended(backend, failure), cancelled(backend)
    before = backend.results([done.task_id, failed.task_id, gone])
    assert backend.cancel([done.task_id, failed.task_id, gone, "nobody"]) == set()
    assert backend.results(before) == before


def test_an_id_to_cancel_may_come_twice(backend):
    task_id = record(backend)
    assert backend.cancel([task_id, task_id]) == {task_id}
    assert status_of(backend, task_id) is TaskStatus.CANCELLED


# retry


@pytest.mark.parametrize("make", [success, failure])
def test_a_final_job_waits_again_as_if_it_were_new(backend, make):
    job = claim_new(backend, "w", queue="mail", priority=4)
    backend.settle("w", [to_retry(job)])
    job = claim(backend, "w", job.task_id)
    backend.settle("w", [make(job)])
    (entry,) = backend.retry([job.task_id])
    assert (entry.task_id, entry.lane, entry.priority) == (job.task_id, Lane("mail", Kind.IO), 4)
    assert entry.delay == 0
    result = result_of(backend, job.task_id)
    assert (result.status, result.worker) == (TaskStatus.PENDING, None)
    assert (result.attempts, result.failures, result.crashes, result.retries) == (0, 0, 0, 0)
    assert (result.result, result.error, result.error_type, result.traceback) == (None,) * 4
    assert (result.started_at, result.finished_at) == (None, None)


def test_a_cancelled_job_can_be_retried_and_is_no_longer_to_be_cancelled(backend):
    job = claim_new(backend, "w")
    backend.cancel([job.task_id])
    backend.settle("w", [to_retry(job)])
    assert status_of(backend, job.task_id) is TaskStatus.CANCELLED
    backend.retry([job.task_id])
    job = claim(backend, "w", job.task_id)
    backend.settle("w", [to_retry(job)])
    assert status_of(backend, job.task_id) is TaskStatus.RETRYING


def test_a_retried_job_has_all_its_tries_before_it_but_its_past_is_told(backend):
    job = ended(backend, failure)
    backend.retry([job.task_id])
    again = claim(backend, "w", job.task_id)
    assert (again.claim, again.attempts, again.failures, again.crashes) == (2, 1, 0, 0)
    assert [attempt["error"] for attempt in orjson.loads(again.history)] == [FAULT.message]


def test_a_retried_job_does_not_wait_for_the_moment_it_was_once_to_run_after(backend):
    task_id = record(backend, run_after=SOON)
    backend.cancel([task_id])
    (entry,) = backend.retry([task_id])
    assert entry.delay == 0
    claim_new(backend, "w")
    assert claim(backend, "w", task_id).task_id == task_id


def test_what_is_not_final_is_not_retried(backend):
    running = claim_new(backend, "w")
    again = claim_new(backend, "w")
    backend.settle("w", [to_retry(again, 60)])
    waiting = record(backend)
    asked = [running.task_id, again.task_id, waiting, "nobody"]
    before = backend.results(asked)
    assert backend.retry(asked) == []
    assert backend.results(asked) == before


def test_an_id_to_retry_may_come_twice_and_counts_once(backend):
    job = ended(backend)
    assert len(backend.retry([job.task_id, job.task_id])) == 1
    assert backend.retry([job.task_id]) == []


# prune


def test_what_ended_long_enough_ago_is_deleted_whatever_it_ended_as(backend, clock):
    old = [ended(backend).task_id, ended(backend, failure).task_id, cancelled(backend)]
    clock.advance(100)
    young = ended(backend).task_id
    assert backend.prune(50, 10) == 3
    assert set(backend.results([*old, young])) == {young}
    assert backend.settled_among(old) == set(old)
    assert backend.prune(50, 10) == 0


def test_what_has_not_ended_is_kept_however_old(backend, clock):
    running = claim_new(backend, "w").task_id
    again = ended(backend, to_retry).task_id
    ids = [running, again, record(backend)]
    clock.advance(10**6)
    assert backend.prune(1, 10) == 0
    assert set(backend.results(ids)) == set(ids)


def test_old_jobs_are_deleted_batch_by_batch(backend, clock):
    backend.cancel(record_many(backend, 7))
    clock.advance(100)
    assert [backend.prune(50, 3) for _ in range(4)] == [3, 3, 1, 0]


def test_the_oldest_are_deleted_first(backend, clock):
    ids = []
    for _ in range(3):
        ids.append(ended(backend).task_id)
        clock.advance(100)
    backend.prune(50, 2)
    assert set(backend.results(ids)) == {ids[2]}


def test_a_retried_job_is_as_old_as_its_last_end(backend, clock):
    job = ended(backend)
    clock.advance(100)
    backend.retry([job.task_id])
    backend.settle("w", [success(claim(backend, "w", job.task_id))])
    assert backend.prune(50, 10) == 0
    clock.advance(100)
    assert backend.prune(50, 10) == 1


def test_a_job_that_waits_again_is_not_deleted_for_its_earlier_end(backend, clock):
    job = ended(backend)
    backend.retry([job.task_id])
    clock.advance(100)
    assert backend.prune(50, 10) == 0
    assert status_of(backend, job.task_id) is TaskStatus.PENDING
