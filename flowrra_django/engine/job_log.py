"""One line for each job that ends, or is to be tried again."""

from __future__ import annotations

import logging

from ..job import ErrorInfo
from ..results import TaskStatus
from ..retry import Release
from .outbox import Parcel

logger = logging.getLogger("flowrra_django.jobs")

LEVELS = {
    TaskStatus.SUCCESS: logging.INFO,
    TaskStatus.RETRYING: logging.WARNING,
    TaskStatus.FAILED: logging.ERROR,
    TaskStatus.CANCELLED: logging.INFO,
}


def log_settled(parcel: Parcel, *, is_accepted: bool) -> None:
    """Log what became of a job; records carry `task_name` and `task_id` as attributes."""
    item = parcel.item
    level = logging.DEBUG if isinstance(item, Release) else LEVELS[item.status]
    if not is_accepted:
        level = logging.WARNING
    if logger.isEnabledFor(level):
        job = item.job
        extra = {"task_name": job.task_name, "task_id": job.task_id}
        logger.log(
            level, "%s %s %s", job.task_name, job.task_id, _words(parcel, is_accepted), extra=extra
        )


def _words(parcel: Parcel, is_accepted: bool) -> str:
    item = parcel.item
    if not is_accepted and isinstance(item, Release):
        return "is not given back: it waits already, or another worker has it"
    if not is_accepted:
        return "was given to another worker; what it produced here is dropped"
    if isinstance(item, Release):
        return f"is given back, {_when(item.delay)}: {item.reason}"
    ran = f"in {_duration(parcel.seconds)}"
    if item.status is TaskStatus.SUCCESS:
        return f"succeeded {ran}"
    verb = "ended" if item.status is TaskStatus.CANCELLED else "failed"
    again = f", runs again in {item.delay:g} s" if item.status is TaskStatus.RETRYING else ""
    return f"{verb} {ran}{again}: {_shown(item.error)}"


def _when(delay: float) -> str:
    return f"to run in {delay:g} s" if delay else "to run at once"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _shown(error: ErrorInfo | None) -> str:
    """Return an error as the last line of its traceback would show it."""
    if error is None:
        return "no error"
    kind = error.type.removeprefix("builtins.")
    return f"{kind}: {error.message}" if error.message else kind
