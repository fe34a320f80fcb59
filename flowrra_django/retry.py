"""What becomes of a job after a run: the outcome and the task's limits give its next state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson

from .exceptions import TaskNotFoundError, WorkerLostError
from .job import Crashed, ErrorInfo, Failed, GivenBack, Job, Kind, Outcome, Succeeded
from .registry import Task
from .results import TaskStatus

KEPT_ATTEMPTS = 10
UNKNOWN_TASK_DELAY = 30.0
UNKNOWN_TASK_LIMIT = 120
LOST = f"{WorkerLostError.__module__}.{WorkerLostError.__qualname__}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, and after how many seconds, a job that failed is run again."""

    max_retries: int
    retry_delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The state that a run leaves its job in: final, or retrying after `delay` seconds."""

    job: Job
    status: TaskStatus
    result: Any = None
    error: ErrorInfo | None = None
    delay: float = 0.0
    failures: int = 0
    crashes: int = 0
    history: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A claim given back: the job waits again, at no cost, after `delay` seconds.

    `kind` moves it to the lane where the registry now says its code belongs.
    """

    job: Job
    delay: float = 0.0
    kind: Kind | None = None


def settle(
    job: Job, task: Task, outcome: Outcome, *, defaults: Limits, worker: str, seconds: float
) -> Settlement | Release:
    """Return what the outcome of a run that took `seconds` makes of the job."""
    match outcome:
        case Succeeded(result):
            return _settlement(job, TaskStatus.SUCCESS, result=result)
        case Failed(error):
            return _after_failure(job, error, limits_of(task, defaults), worker, seconds)
        case Crashed(error):
            return after_crash(job, error, worker=worker, seconds=seconds)
        case GivenBack(reason, started, delay):
            limits = limits_of(task, defaults)
            if started and limits.max_retries == 0 and job.max_crashes == 0:
                return after_crash(job, _interrupted(reason), worker=worker, seconds=seconds)
            return Release(job=job, delay=delay)


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


def after_unknown_task(job: Job, *, worker: str) -> Settlement | Release:
    """Give back a job whose task is not registered here; fail it after an hour of that."""
    if job.given_back < UNKNOWN_TASK_LIMIT:
        return Release(job=job, delay=UNKNOWN_TASK_DELAY)
    missing = TaskNotFoundError(job.task_name)
    error = ErrorInfo(str(missing), f"{TaskNotFoundError.__module__}.TaskNotFoundError")
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


def limits_of(task: Task, defaults: Limits) -> Limits:
    return Limits(
        defaults.max_retries if task.max_retries is None else task.max_retries,
        defaults.retry_delay if task.retry_delay is None else task.retry_delay,
    )


def with_attempt(job: Job, error: ErrorInfo, worker: str, seconds: float | None) -> str:
    """Return the job's history with this attempt added: JSON text, the last ten, oldest first."""
    attempt = {
        "attempt": job.attempts,
        "worker": worker,
        "started_at": job.started_at,
        "finished_at": _ended(job, seconds),
        "error": error.message,
        "error_type": error.type,
        "traceback": error.traceback,
    }
    past = orjson.loads(job.history)
    return orjson.dumps([*past, attempt][-KEPT_ATTEMPTS:]).decode()


def _ended(job: Job, seconds: float | None) -> Any:
    if job.started_at is None or seconds is None:
        return None
    return job.started_at + timedelta(seconds=seconds)


def _after_failure(
    job: Job, error: ErrorInfo, limits: Limits, worker: str, seconds: float
) -> Settlement:
    failures = job.failures + 1
    again = failures <= limits.max_retries
    return _settlement(
        job,
        TaskStatus.RETRYING if again else TaskStatus.FAILED,
        error=error,
        delay=limits.retry_delay if again else 0.0,
        failures=failures,
        history=with_attempt(job, error, worker, seconds),
    )


def _settlement(job: Job, status: TaskStatus, **changes: Any) -> Settlement:
    counts = {"failures": job.failures, "crashes": job.crashes, "history": job.history}
    return Settlement(job=job, status=status, **{**counts, **changes})
