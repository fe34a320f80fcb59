"""What becomes of a job after a run: the outcome and the task's limits give its next state."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from .exceptions import AlreadyEnqueued, JobExpiredError, TaskNotFoundError, WorkerLostError
from .history import attempts_in, with_attempt
from .job import Cancelled, Crashed, ErrorInfo, Failed, GivenBack, Job, Kind, Outcome, Succeeded
from .policy import GiveUp, Retry, RetryDelay, Seconds, delay_after, in_seconds
from .registry import Task
from .results import TaskStatus

logger = logging.getLogger(__name__)

UNKNOWN_TASK_DELAY = 30.0
UNKNOWN_TASK_LIMIT = 120
EXPIRED = f"{JobExpiredError.__module__}.{JobExpiredError.__qualname__}"
DUPLICATE = f"{AlreadyEnqueued.__module__}.{AlreadyEnqueued.__qualname__}"
LOST = f"{WorkerLostError.__module__}.{WorkerLostError.__qualname__}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a run may take in seconds, how often and after how long it is run again."""

    max_retries: int
    retry_delay: RetryDelay
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The state that a run leaves its job in: final, or retrying after `delay` seconds.

    `was_stopped` and `cancelled_by` are those of the `TaskResult` of a job that was cancelled while
    it ran; the ledger knows by itself who asked.
    """

    job: Job
    status: TaskStatus
    result: Any = None
    error: ErrorInfo | None = None
    delay: float = 0.0
    failures: int = 0
    crashes: int = 0
    history: str = ""
    was_stopped: bool | None = None
    cancelled_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A claim given back: the job waits again, at no cost, after `delay` seconds.

    `kind` moves it to the lane where the registry now says its code belongs. `reason` is for the
    log; the ledger does not keep it.
    """

    job: Job
    delay: float = 0.0
    kind: Kind | None = None
    reason: str = ""


def settle(
    job: Job, task: Task, outcome: Outcome, *, defaults: Limits, worker: str, seconds: float
) -> Settlement | Release:
    """Return what the outcome of a run that took `seconds` makes of the job."""
    match outcome:
        case Succeeded(result):
            return _settlement(job, TaskStatus.SUCCESS, result=result)
        case Failed():
            return _after_failure(job, task, outcome, limits_of(task, defaults), worker, seconds)
        case Crashed(error):
            return after_crash(job, error, worker=worker, seconds=seconds)
        case Cancelled(error, was_stopped, by, result):
            told = {"error": error, "was_stopped": was_stopped, "result": result}
            return _settlement(job, TaskStatus.CANCELLED, cancelled_by=by, **told)
        case GivenBack(reason, started, delay):
            limits = limits_of(task, defaults)
            if started and limits.max_retries == 0 and job.max_crashes == 0:
                return after_crash(job, _interrupted(reason), worker=worker, seconds=seconds)
            return Release(job=job, delay=delay, reason=reason)


def after_crash(
    job: Job, error: ErrorInfo, *, worker: str, seconds: float | None = None
) -> Settlement:
    """Return what the loss of its process makes of a job: run again at once, or failed."""
    crashes = job.crashes + 1
    is_final = crashes > job.max_crashes
    status = TaskStatus.FAILED if is_final else TaskStatus.RETRYING
    history = with_attempt(job, error, worker, seconds)
    if is_final and job.max_crashes:
        limit = f"{error.message} That was time {crashes}, and max_crashes is {job.max_crashes}."
        error = replace(error, message=limit)
    return _settlement(job, status, error=error, crashes=crashes, history=history)


def as_cancelled(item: Settlement | Release) -> Settlement:
    """Return what the ledger made of a job that was to wait again, and is not wanted any more."""
    if isinstance(item, Settlement):
        return replace(item, status=TaskStatus.CANCELLED)
    job = replace(item.job, attempts=item.job.attempts - 1)
    return _settlement(job, TaskStatus.CANCELLED)


def after_unknown_task(job: Job, *, worker: str) -> Settlement | Release:
    """Give back a job whose task is not registered here; fail it after an hour of that."""
    if given_back(job) < UNKNOWN_TASK_LIMIT:
        reason = f"No task {job.task_name!r} is registered here."
        return Release(job=job, delay=UNKNOWN_TASK_DELAY, reason=reason)
    missing = TaskNotFoundError(job.task_name)
    error = ErrorInfo(str(missing), f"{TaskNotFoundError.__module__}.TaskNotFoundError")
    return give_up(job, error, worker=worker)


def given_back(job: Job) -> int:
    """Return how many claims were given back at no cost since an attempt went wrong.

    Those before are no matter: a Retry by hand sets the attempts back, but not the claims.
    """
    last = [told.get("claim") for told in attempts_in(job.history)[-1:]]
    since = last[0] if last and isinstance(last[0], int) else 0
    return min(job.claim - job.attempts, job.claim - since - 1)


def give_up(job: Job, error: ErrorInfo, *, worker: str) -> Settlement:
    """Fail a job that was claimed, and cannot be run."""
    return _settlement(
        job,
        TaskStatus.FAILED,
        error=error,
        failures=job.failures + 1,
        history=with_attempt(job, error, worker, 0.0),
    )


def _interrupted(reason: str) -> ErrorInfo:
    return ErrorInfo(f"{reason} It may run at most once, so it is not run again.", LOST)


def lost_worker(worker: str) -> ErrorInfo:
    """Describe the loss of a whole worker, for each job that it ran."""
    return ErrorInfo(f"Worker {worker} went away while it ran this job.", LOST)


def expired(seconds: float) -> ErrorInfo:
    """Describe why a job was cancelled that had so many seconds to be started in."""
    return ErrorInfo(f"Not started within {seconds:g} s.", EXPIRED)


def duplicate_of(task_id: str) -> ErrorInfo:
    """Describe why a job was cancelled whose key another one has."""
    return ErrorInfo(str(AlreadyEnqueued(task_id)), DUPLICATE)


def limits_of(task: Task, defaults: Limits) -> Limits:
    return Limits(
        defaults.max_retries if task.max_retries is None else task.max_retries,
        defaults.retry_delay if task.retry_delay is None else task.retry_delay,
        timeout_of(task, defaults),
    )


def timeout_of(task: Task, defaults: Limits) -> float | None:
    return defaults.timeout if task.timeout is None else task.timeout


def _after_failure(
    job: Job, task: Task, outcome: Failed, limits: Limits, worker: str, seconds: float
) -> Settlement:
    failures = job.failures + 1
    delay = None
    if failures <= limits.max_retries:
        delay = _retry_delay(task, outcome.exception, limits.retry_delay, failures)
    return _settlement(
        job,
        TaskStatus.FAILED if delay is None else TaskStatus.RETRYING,
        error=outcome.error,
        delay=delay or 0.0,
        failures=failures,
        history=with_attempt(job, outcome.error, worker, seconds),
    )


def _retry_delay(
    task: Task, error: BaseException | None, usual: RetryDelay, failures: int
) -> float | None:
    """Return after how many seconds to run the job again; None if that is not worth it."""
    if isinstance(error, GiveUp) or (error is not None and isinstance(error, task.give_up_on)):
        return None
    if isinstance(error, Retry) and error.after is not None:
        return in_seconds(error.after)
    wanted = True if error is None or isinstance(error, Retry) else _verdict(task, error, failures)
    if isinstance(wanted, bool):
        return delay_after(usual, failures) if wanted else None
    return in_seconds(wanted)


def _verdict(task: Task, error: BaseException, failures: int) -> bool | Seconds:
    """Ask the task. If its own function raises, that is no reason to lose the job."""
    wanted = task.retry_on
    if wanted is None:
        return True
    if isinstance(wanted, tuple | type):
        return isinstance(error, wanted)
    try:
        return wanted(error, failures)
    except Exception:
        logger.exception("retry_on of task %s failed; the job is run again.", task.name)
        return True


def _settlement(job: Job, status: TaskStatus, **changes: Any) -> Settlement:
    counts = {"failures": job.failures, "crashes": job.crashes, "history": job.history}
    return Settlement(job=job, status=status, **{**counts, **changes})
