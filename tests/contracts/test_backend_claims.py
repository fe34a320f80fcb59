"""Every ledger: who may claim what. `BaseBackend.claim` and `held`."""

from datetime import timedelta

import orjson
import pytest

from flowrra_django.job import NO_HISTORY, NO_META, Failed, Kind, Lane
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    FAULT,
    claim,
    claim_new,
    enlist,
    failure,
    give_back,
    record,
    record_many,
    rescue,
    result_of,
    status_of,
    success,
    to_retry,
    written,
)

SOON = timedelta(seconds=60)


def test_a_claimed_job_is_running_under_its_worker(backend, clock):
    before = clock.moment()
    job = claim_new(backend, "w")
    result = result_of(backend, job.task_id)
    assert (result.status, result.worker, result.attempts) == (TaskStatus.RUNNING, "w", 1)
    assert before <= result.started_at <= clock.moment()
    assert (result.finished_at, result.result) == (None, None)


def test_a_claim_brings_the_whole_job(backend):
    enlist(backend, "w")
    options = {"queue": "mail", "kind": Kind.CPU, "priority": 4, "max_crashes": 9}
    options["meta"] = '{"who":"me"}'
    job = claim(backend, "w", record(backend, 1, "two", **options))
    assert (job.task_name, job.lane) == ("tests.add", Lane("mail", Kind.CPU))
    assert (job.priority, job.max_crashes) == (4, 9)
    assert backend.codec.decode(job.args) == [1, "two"]
    assert backend.codec.decode(job.kwargs) == {}
    assert (job.claim, job.attempts, job.failures, job.crashes) == (1, 1, 0, 0)
    assert (job.history, job.worker) == (NO_HISTORY, "w")
    assert orjson.loads(job.meta) == {"who": "me"}
    assert backend.held("w", Kind.CPU) == [job]
    result = result_of(backend, job.task_id)
    assert (job.started_at, job.submitted_at) == (result.started_at, result.submitted_at)


@pytest.mark.parametrize("is_delay", [True, False])
def test_a_claim_brings_the_moment_after_which_the_job_was_to_run(backend, clock, is_delay):
    enlist(backend, "w")
    delay = timedelta(seconds=60)
    task_id = record(backend, run_after=delay if is_delay else clock.moment() + delay)
    clock.advance(61)
    job = claim(backend, "w", task_id)
    assert job.run_after == result_of(backend, task_id).run_after
    assert abs(job.run_after - job.submitted_at - delay) < timedelta(seconds=5)
    assert claim_new(backend, "w").run_after is None


def test_a_claim_of_a_job_without_notes_has_the_text_that_says_so(backend):
    assert claim_new(backend, "w").meta == NO_META


def test_each_counted_claim_that_is_over_but_the_last_is_in_the_history(backend):
    job = claim_new(backend, "a")
    enlist(backend, "b", "c")
    backend.settle("a", [written(job, Failed(FAULT), retries=9, worker="a")])
    backend.release("b", [give_back(claim(backend, "b", job.task_id))])
    job = claim(backend, "b", job.task_id)
    backend.settle("b", [written(job, Failed(FAULT), retries=9, worker="b")])
    backend.settle("c", [success(claim(backend, "c", job.task_id))])
    result = result_of(backend, job.task_id)
    assert [attempt.worker for attempt in result.history] == ["a", "b"]
    assert [attempt.attempt for attempt in result.history] == [1, 2]
    assert {attempt.traceback for attempt in result.history} == {FAULT.traceback}
    assert (result.worker, result.attempts) == ("c", 3)


def test_jobs_are_numbered_in_the_order_of_their_arrival(backend):
    enlist(backend, "w")
    task_ids = record_many(backend, 3) + record_many(backend, 3)
    numbers = [job.sequence for job in backend.claim("w", task_ids).jobs]
    assert numbers == sorted(set(numbers))


def test_a_claim_keeps_the_order_of_the_index(backend):
    enlist(backend, "w")
    low = record_many(backend, 3, priority=5)
    high = record_many(backend, 3, priority=-5)
    assert [job.task_id for job in backend.claim("w", high + low).jobs] == high + low


def test_a_worker_that_is_not_enlisted_gets_nothing_and_learns_what_waits(backend):
    task_ids = record_many(backend, 2)
    jobs, waiting = backend.claim("nobody", task_ids)
    assert jobs == []
    assert {(entry.task_id, entry.delay) for entry in waiting} == {(i, 0.0) for i in task_ids}
    assert status_of(backend, task_ids[0]) is TaskStatus.PENDING


def test_a_worker_that_was_dismissed_gets_nothing(backend):
    enlist(backend, "w")
    backend.dismiss("w")
    assert backend.claim("w", [record(backend)]).jobs == []


def test_a_job_that_is_not_due_yet_is_returned_with_its_delay(backend):
    enlist(backend, "w")
    ready, early = record(backend), record(backend, run_after=SOON, queue="mail", priority=2)
    jobs, (entry,) = backend.claim("w", [early, ready])
    assert [job.task_id for job in jobs] == [ready]
    assert (entry.task_id, entry.lane, entry.priority) == (early, Lane("mail", Kind.IO), 2)
    assert entry.delay == pytest.approx(60, abs=1)


def test_a_delayed_job_can_be_claimed_once_it_is_due(backend, clock):
    enlist(backend, "w")
    task_id = record(backend, run_after=SOON)
    clock.advance(59)
    (entry,) = backend.claim("w", [task_id]).waiting
    assert entry.delay <= 1
    clock.advance(1.5)
    assert claim(backend, "w", task_id).task_id == task_id


def test_a_job_that_waits_for_its_retry_is_not_due_before(backend, clock):
    job = claim_new(backend, "w")
    backend.settle("w", [to_retry(job, 60)])
    assert backend.claim("w", [job.task_id]).jobs == []
    clock.advance(61)
    assert claim(backend, "w", job.task_id).attempts == 2


def test_what_does_not_wait_is_neither_won_nor_returned(backend):
    running, done, failed = (claim_new(backend, "w") for _ in range(3))
    backend.settle("w", [success(done), failure(failed)])
    cancelled = record(backend)
    backend.cancel([cancelled])
    enlist(backend, "other")
    asked = [running.task_id, done.task_id, failed.task_id, cancelled, "nobody"]
    assert backend.claim("other", asked) == ([], [])
    assert result_of(backend, running.task_id).worker == "w"


def test_an_id_asked_for_twice_is_claimed_once(backend):
    enlist(backend, "w")
    task_id = record(backend)
    jobs, waiting = backend.claim("w", [task_id, task_id])
    assert ([job.task_id for job in jobs], waiting) == ([task_id], [])
    assert result_of(backend, task_id).attempts == 1


def test_an_early_id_asked_for_twice_is_returned_once(backend):
    enlist(backend, "w")
    task_id = record(backend, run_after=SOON)
    assert len(backend.claim("w", [task_id, task_id]).waiting) == 1


def test_the_number_of_the_claim_only_grows(backend):
    job = claim_new(backend, "w")
    numbers = [job.claim]
    for step in (
        lambda job: backend.release("w", [give_back(job)]),
        lambda job: backend.settle("w", [to_retry(job)]),
        lambda job: (rescue(backend, "w"), enlist(backend, "w")),
        lambda job: (backend.settle("w", [failure(job)]), backend.retry([job.task_id])),
    ):
        step(job)
        job = claim(backend, "w", job.task_id)
        numbers.append(job.claim)
    assert numbers == [1, 2, 3, 4, 5]


# held


def test_a_worker_holds_what_it_claimed_and_has_not_settled(backend):
    kept, settled, released = (claim_new(backend, "w") for _ in range(3))
    other = claim_new(backend, "other")
    backend.settle("w", [success(settled)])
    backend.release("w", [give_back(released)])
    assert backend.held("w", Kind.IO) == [kept]
    assert backend.held("other", Kind.IO) == [other]
    assert backend.held("nobody", Kind.IO) == []


def test_a_worker_is_told_what_it_holds_by_kind(backend):
    jobs = {kind: claim_new(backend, "w", kind=kind) for kind in Kind}
    assert {kind: backend.held("w", kind) for kind in Kind} == {k: [j] for k, j in jobs.items()}
