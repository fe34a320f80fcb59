"""Every ledger: what a worker writes of its jobs. `BaseBackend.settle` and `release`."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import orjson
import pytest
from django.db import DataError

from flowrra_django.backends.answers import Settled
from flowrra_django.job import ErrorInfo, Kind, Lane
from flowrra_django.results import TaskStatus
from flowrra_django.retry import Release, Settlement
from tests.contracts.acts import (
    FAULT,
    LOSS,
    claim,
    claim_new,
    crash,
    enlist,
    failure,
    give_back,
    rescue,
    result_of,
    status_of,
    success,
    to_retry,
)

REFUSED = Settled(set(), [])
WRITES = {
    "success": success,
    "failure": failure,
    "retry": to_retry,
    "crash": crash,
    "release": give_back,
}


def write(backend, worker_id, item):
    """Settle or release, as the item has it."""
    act = backend.settle if isinstance(item, Settlement) else backend.release
    return act(worker_id, [item])


@pytest.fixture(params=WRITES.values(), ids=WRITES)
def make(request):
    """Each kind of write, as a function of the job."""
    return request.param


# What is written


def test_a_job_that_succeeded_has_its_result(backend, clock):
    job = claim_new(backend, "w")
    raw = backend.codec.encode([1, "two", None])
    assert backend.settle("w", [success(job, raw)]) == Settled({job.task_id}, [])
    result = result_of(backend, job.task_id)
    assert (result.status, result.result) == (TaskStatus.SUCCESS, [1, "two", None])
    assert (result.error, result.error_type, result.traceback) == (None, None, None)
    assert (result.worker, result.attempts, result.retries) == ("w", 1, 0)
    assert result.started_at <= result.finished_at <= clock.moment()


def test_a_job_that_returned_none_has_that_as_its_result(backend):
    job = claim_new(backend, "w")
    backend.settle("w", [success(job, backend.codec.encode(None))])
    assert result_of(backend, job.task_id).result is None


def test_a_job_that_failed_has_its_error(backend):
    job = claim_new(backend, "w")
    assert backend.settle("w", [failure(job)]) == Settled({job.task_id}, [])
    result = result_of(backend, job.task_id)
    assert (result.status, result.result) == (TaskStatus.FAILED, None)
    assert (result.error, result.error_type, result.traceback) == (
        FAULT.message,
        FAULT.type,
        FAULT.traceback,
    )
    assert (result.failures, result.crashes, result.retries) == (1, 0, 0)
    assert result.finished_at is not None


def test_a_job_to_be_retried_waits_with_its_error(backend):
    job = claim_new(backend, "w", queue="mail", priority=3)
    accepted, (entry,) = backend.settle("w", [to_retry(job, 60)])
    assert accepted == {job.task_id}
    assert (entry.task_id, entry.lane, entry.priority) == (job.task_id, Lane("mail", Kind.IO), 3)
    assert entry.delay == pytest.approx(60, abs=1)
    result = result_of(backend, job.task_id)
    assert (result.status, result.worker) == (TaskStatus.RETRYING, None)
    assert (result.error, result.finished_at, result.retries) == (FAULT.message, None, 1)


def test_a_job_that_succeeds_after_a_failure_has_no_error_any_more(backend):
    job = claim_new(backend, "w")
    backend.settle("w", [to_retry(job)])
    backend.settle("w", [success(claim(backend, "w", job.task_id))])
    result = result_of(backend, job.task_id)
    assert (result.error, result.error_type, result.traceback) == (None, None, None)
    assert (result.attempts, result.failures, result.retries) == (2, 1, 1)


def test_a_crash_is_counted_apart_from_failures(backend):
    job = claim_new(backend, "w")
    backend.settle("w", [crash(job)])
    again = claim(backend, "w", job.task_id)
    assert (again.attempts, again.failures, again.crashes) == (2, 0, 1)


def test_the_attempts_that_went_wrong_are_told_of_and_the_last_ten_in_full(backend):
    job = claim_new(backend, "w")
    for _ in range(12):
        backend.settle("w", [to_retry(job)])
        job = claim(backend, "w", job.task_id)
    history = orjson.loads(job.history)
    assert [attempt["attempt"] for attempt in history] == list(range(1, 13))
    assert [bool(attempt["traceback"]) for attempt in history] == [False] * 2 + [True] * 10
    assert {attempt["error"] for attempt in history} == {FAULT.message}
    assert (job.attempts, job.failures, job.claim) == (13, 12, 13)


def test_a_batch_holds_all_kinds_of_outcomes(backend):
    jobs = [claim_new(backend, "w") for _ in range(4)]
    items = [make(job) for make, job in zip([success, failure, to_retry, crash], jobs, strict=True)]
    accepted, waiting = backend.settle("w", items)
    assert accepted == {job.task_id for job in jobs}
    assert {entry.task_id for entry in waiting} == {jobs[2].task_id, jobs[3].task_id}
    assert [status_of(backend, job.task_id).value for job in jobs] == [
        "success",
        "failed",
        "retrying",
        "retrying",
    ]


# Giving back


def test_a_claim_given_back_costs_no_attempt(backend):
    job = claim_new(backend, "w")
    accepted, (entry,) = backend.release("w", [give_back(job)])
    assert (accepted, entry.task_id, entry.delay) == ({job.task_id}, job.task_id, 0)
    result = result_of(backend, job.task_id)
    assert (result.status, result.worker, result.attempts) == (TaskStatus.PENDING, None, 0)
    again = claim(backend, "w", job.task_id)
    assert (again.claim, again.attempts, again.history) == (2, 1, job.history)


def test_a_claim_given_back_after_a_failure_is_retrying_as_before(backend):
    job = claim_new(backend, "w")
    backend.settle("w", [to_retry(job)])
    backend.release("w", [give_back(claim(backend, "w", job.task_id))])
    result = result_of(backend, job.task_id)
    assert (result.status, result.attempts, result.failures) == (TaskStatus.RETRYING, 1, 1)
    assert result.error == FAULT.message


def test_a_claim_can_be_given_back_for_later(backend, clock):
    job = claim_new(backend, "w")
    (entry,) = backend.release("w", [Release(job=job, delay=60)]).waiting
    assert entry.delay == pytest.approx(60, abs=1)
    assert backend.claim("w", [job.task_id]).jobs == []
    clock.advance(61)
    assert claim(backend, "w", job.task_id).attempts == 1


def test_a_claim_can_be_given_back_to_another_kind_of_code(backend):
    job = claim_new(backend, "w", queue="mail")
    (entry,) = backend.release("w", [Release(job=job, kind=Kind.CPU)]).waiting
    assert entry.lane == Lane("mail", Kind.CPU)
    assert backend.waiting([Lane("mail", Kind.CPU)], 10) == [job.task_id]
    assert backend.waiting([Lane("mail", Kind.IO)], 10) == []
    assert claim(backend, "w", job.task_id).kind is Kind.CPU


# Fences


def test_only_the_worker_that_holds_a_job_can_write(backend, make):
    job = claim_new(backend, "w")
    enlist(backend, "other")
    assert write(backend, "other", make(job)) == REFUSED
    assert backend.held("w", Kind.IO) == [job]


def test_only_the_claim_that_is_held_can_be_written(backend, make):
    job = claim_new(backend, "w")
    for claim_number in (job.claim - 1, job.claim + 1):
        assert write(backend, "w", make(replace(job, claim=claim_number))) == REFUSED
    assert backend.held("w", Kind.IO) == [job]


def test_a_job_that_is_gone_cannot_be_written(backend, make):
    job = claim_new(backend, "w")
    assert write(backend, "w", make(replace(job, task_id="nobody", sequence=10**9))) == REFUSED
    assert backend.held("w", Kind.IO) == [job]


def was_rescued(backend, job):
    rescue(backend, "w")


def was_rescued_and_is_run_by_another(backend, job):
    rescue(backend, "w")
    enlist(backend, "other")
    claim(backend, "other", job.task_id)


def was_given_back(backend, job):
    backend.release("w", [give_back(job)])


def was_given_back_and_claimed_again(backend, job):
    backend.release("w", [give_back(job)])
    claim(backend, "w", job.task_id)


def was_settled(backend, job):
    backend.settle("w", [success(job)])


def was_settled_and_retried_by_hand(backend, job):
    backend.settle("w", [success(job)])
    backend.retry([job.task_id])


def was_failed_by_a_rescue_and_retried_by_hand(backend, job):
    rescue(backend, "w")
    enlist(backend, "w")
    for _ in range(job.max_crashes):
        claim(backend, "w", job.task_id)
        rescue(backend, "w")
        enlist(backend, "w")
    backend.retry([job.task_id])


CHANGES = [
    was_rescued,
    was_rescued_and_is_run_by_another,
    was_given_back,
    was_given_back_and_claimed_again,
    was_settled,
    was_settled_and_retried_by_hand,
    was_failed_by_a_rescue_and_retried_by_hand,
]
# What is the very write that was made, or cannot be told from it, is sent again, not late.
REPEATS = {
    (was_given_back, give_back),
    (was_settled, success),
    (was_settled_and_retried_by_hand, success),
    (was_settled_and_retried_by_hand, give_back),
}


@pytest.mark.parametrize(
    ("change", "make"),
    [(c, m) for c, m in product(CHANGES, WRITES.values()) if (c, m) not in REPEATS],
    ids=lambda function: function.__name__,
)
def test_a_write_that_comes_too_late_is_refused(backend, change, make):
    job = claim_new(backend, "w")
    late = make(job)
    change(backend, job)
    before = result_of(backend, job.task_id)
    assert write(backend, "w", late) == REFUSED
    assert result_of(backend, job.task_id) == before


def test_a_late_write_does_not_keep_the_others_from_being_written(backend):
    late, good = claim_new(backend, "w"), claim_new(backend, "w")
    backend.release("w", [give_back(late)])
    assert backend.settle("w", [success(late), success(good)]).accepted == {good.task_id}
    assert status_of(backend, late.task_id) is TaskStatus.PENDING


# Sent again


def test_a_write_whose_reply_was_lost_is_accepted_again(backend, ledger, make):
    if not ledger.can_lose_replies:
        pytest.skip("There is nobody between this ledger and its workers who could lose a reply.")
    job = claim_new(backend, "w")
    item = make(job)
    first = write(backend, "w", item)
    after_first = result_of(backend, job.task_id)
    assert first.accepted == {job.task_id}
    assert write(backend, "w", item) == first
    assert result_of(backend, job.task_id) == after_first


def test_a_write_sent_again_changes_nothing(backend, make):
    job = claim_new(backend, "w")
    item = make(job)
    write(backend, "w", item)
    before = result_of(backend, job.task_id)
    write(backend, "w", item)
    assert result_of(backend, job.task_id) == before


def test_a_write_that_is_twice_in_its_batch_counts_once(backend, make):
    job, twin = claim_new(backend, "w"), claim_new(backend, "w")
    item = make(job)
    act = backend.settle if isinstance(item, Settlement) else backend.release
    assert act("w", [item, item]).accepted == {job.task_id}
    write(backend, "w", make(twin))
    both = backend.results([job.task_id, twin.task_id])
    counters = {(r.status, r.attempts, r.failures, r.crashes) for r in both.values()}
    assert len(counters) == 1


# Hostile text


@pytest.mark.parametrize(
    "text",
    ["nul \0 inside", "lone \ud800 surrogate", "🐘" * 1000, "x" * 1_000_000, "' OR 1=1 -- %s"],
    ids=["nul", "surrogate", "astral", "huge", "quotes"],
)
def test_an_error_text_is_kept_or_refused_together_with_its_batch(backend, text):
    odd, good = claim_new(backend, "w"), claim_new(backend, "w")
    error = ErrorInfo(text, "builtins.ValueError", text)
    batch = [replace(failure(odd), error=error), success(good)]
    try:
        backend.settle("w", batch)
    except (ValueError, DataError):
        assert {job.task_id: job for job in backend.held("w", Kind.IO)} == {
            job.task_id: job for job in (odd, good)
        }  # in any order
        assert backend.settle("w", batch[1:]).accepted == {good.task_id}
        assert backend.settle("w", [failure(odd, LOSS)]).accepted == {odd.task_id}
    else:
        result = result_of(backend, odd.task_id)
        assert (result.error, result.traceback) == (text, text)
        assert status_of(backend, good.task_id) is TaskStatus.SUCCESS


# Cancelling that was asked for


def to_retry_later(job):
    return to_retry(job, 60)


def give_back_for_later(job):
    return Release(job=job, delay=60)


@pytest.mark.parametrize("make", [to_retry, to_retry_later, crash, give_back, give_back_for_later])
def test_a_job_that_would_wait_again_is_cancelled_if_that_was_asked_for(backend, make):
    job = claim_new(backend, "w")
    backend.cancel([job.task_id])
    item = make(job)
    assert write(backend, "w", item) == Settled({job.task_id}, [])
    result = result_of(backend, job.task_id)
    assert (result.status, result.worker) == (TaskStatus.CANCELLED, "w")
    assert result.finished_at is not None
    assert backend.claim("w", [job.task_id]) == ([], [])
    assert (backend.waiting([job.lane], 10), backend.queues()) == ([], set())


@pytest.mark.parametrize(("make", "status"), [(success, "success"), (failure, "failed")])
def test_a_job_that_ends_by_itself_ends_so_though_cancelling_was_asked_for(backend, make, status):
    job = claim_new(backend, "w")
    backend.cancel([job.task_id])
    assert backend.settle("w", [make(job)]).accepted == {job.task_id}
    assert status_of(backend, job.task_id).value == status


def test_only_the_job_that_was_asked_to_be_cancelled_is(backend):
    kept, cancelled = claim_new(backend, "w"), claim_new(backend, "w")
    backend.cancel([cancelled.task_id])
    waiting = backend.release("w", [give_back(kept), give_back(cancelled)]).waiting
    assert [entry.task_id for entry in waiting] == [kept.task_id]


def test_a_delay_of_a_retry_does_not_outlive_its_cancelling(backend, clock):
    job = claim_new(backend, "w")
    backend.settle("w", [to_retry(job, 60)])
    backend.cancel([job.task_id])
    backend.retry([job.task_id])
    assert claim(backend, "w", job.task_id).attempts == 1


def test_a_job_recorded_for_later_keeps_that_moment_when_it_is_retried(backend):
    job = claim_new(backend, "w", run_after=timedelta(seconds=-30))
    moment = result_of(backend, job.task_id).run_after
    backend.settle("w", [to_retry(job, 60)])
    assert result_of(backend, job.task_id).run_after == moment
    assert backend.has_work([job.lane])
