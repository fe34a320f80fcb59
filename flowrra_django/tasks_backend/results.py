"""A job as Django's `TaskResult`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from ..conf import uses_time_zones
from ..exceptions import JobCancelledError
from ..job import FIRST_PRIORITY, Kind
from ..results import Attempt, TaskResult, TaskStatus
from .dialect import Dialect

STATUSES = {
    TaskStatus.PENDING: "READY",
    TaskStatus.RETRYING: "READY",
    TaskStatus.RUNNING: "RUNNING",
    TaskStatus.SUCCESS: "SUCCESSFUL",
    TaskStatus.FAILED: "FAILED",
    TaskStatus.CANCELLED: "FAILED",
}
CANCELLED = f"{JobCancelledError.__module__}.{JobCancelledError.__qualname__}"
SAYS_CANCELLED = "The job was cancelled."
HELD = {TaskStatus.RUNNING, TaskStatus.SUCCESS}


def result_of(dialect: Dialect, task: Any, job: TaskResult) -> Any:
    """Return what Django's task, as its module has it, shows of a job."""
    attempts = attempts_of(job)
    starts = [attempt.started_at for attempt in attempts] + [job.started_at]
    first, last = (starts[0], job.started_at) if job.attempts else (None, None)
    result = dialect.result(
        task=task_as_enqueued(dialect, task, job),
        id=job.task_id,
        status=dialect.status[STATUSES[job.status]],
        enqueued_at=moment(job.submitted_at),
        started_at=moment(first),
        last_attempted_at=moment(last),
        finished_at=moment(job.finished_at),
        args=_shown(dialect, list(job.args)),
        kwargs=_shown(dialect, dict(job.kwargs)),
        backend=job.meta.get("backend", task.backend),
        errors=errors_of(dialect, job, attempts),
        worker_ids=worker_ids_of(job, attempts),
    )
    if job.is_success:
        object.__setattr__(result, "_return_value", _shown(dialect, job.result))
    return result


def attempts_of(job: TaskResult) -> Sequence[Attempt]:
    """Return those that went wrong since the job was enqueued, or retried by hand."""
    count = job.failures + job.crashes
    return job.history[-count:] if count else ()


def worker_ids_of(job: TaskResult, attempts: Sequence[Attempt]) -> list[str]:
    """Return who claimed the job, once for each attempt; "" for what is too long ago."""
    known = [attempt.worker for attempt in attempts]
    if job.status in HELD:
        known.append(job.worker or "")
    return [""] * (job.attempts - len(known)) + known


def errors_of(dialect: Dialect, job: TaskResult, attempts: Sequence[Attempt]) -> list[Any]:
    told = [(attempt.error_type, attempt.error, attempt.traceback) for attempt in attempts]
    if job.status is TaskStatus.CANCELLED:
        told.append((CANCELLED, SAYS_CANCELLED, ""))
    return [
        dialect.error(exception_class_path=kind, traceback=text or f"{kind}: {message}\n")
        for kind, message, text in told
    ]


def task_as_enqueued(dialect: Dialect, task: Any, job: TaskResult) -> Any:
    """Return the task with what `using()` had made different for this job.

    The settings may have changed since and forbid it: then it is the task as its module has it.
    """
    if not isinstance(task, dialect.task):
        return task
    is_first = job.priority == FIRST_PRIORITY  # of which Django has no number
    wanted = {
        "priority": task.priority if is_first else -job.priority,
        "queue_name": job.queue,
        "run_after": moment(job.run_after),
        "backend": job.meta.get("backend", task.backend),
        **options_of(job.meta),
    }
    changes = {name: value for name, value in wanted.items() if value != getattr(task, name, value)}
    try:
        return task.using(**changes) if changes else task
    except (dialect.invalid_task, dialect.invalid_backend):
        return task


def options_of(noted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a job in the words of a task's decorator."""
    options = dict(noted.get("options", {}))
    if "kind" in options:
        options["cpu_bound"] = options.pop("kind") == Kind.CPU
    return options


def moment(value: datetime | None) -> datetime | None:
    """Return a moment as the site has them: aware in UTC, or naive in its time zone."""
    if value is None or uses_time_zones():
        return value
    return timezone.make_naive(value, timezone.get_default_timezone())


def _shown(dialect: Dialect, value: Any) -> Any:
    """Return what JSON can carry; in words what only @flowrra_task can."""
    try:
        return dialect.normalize(value)
    except (TypeError, ValueError):
        match value:
            case dict():
                return {str(name): _shown(dialect, item) for name, item in value.items()}
            case list():
                return [_shown(dialect, item) for item in value]
        return repr(value)
