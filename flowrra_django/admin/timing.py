"""How long a job waited, and how long it ran, as far as its record tells."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..models import TaskRecord
from ..results import TaskStatus
from .moments import aware
from .words import ago, duration


def waited(record: TaskRecord, now: datetime) -> str | None:
    """Say how long the job waited to be started, the last time that it was.

    The time counts from when the job was to run: its submission, or `run_after`. One that is
    delayed says when it is due; one that never started, how long it has waited, or had.
    """
    due_at, since = record.due_at and aware(record.due_at), _first_due(record)
    if due_at and due_at > now:
        return f"due {ago(due_at, now)}"
    if record.status == TaskStatus.PENDING:
        return f"{duration(now - since)} so far"
    until = record.started_at or record.finished_at
    return duration(aware(until) - since) if until else None


def ran(record: TaskRecord, now: datetime) -> str | None:
    """Say how long the last attempt ran; None before the first, and between two."""
    length = _run_time(record, now)
    if length is None:
        return None
    return duration(length) + (" so far" if record.status == TaskStatus.RUNNING else "")


def _run_time(record: TaskRecord, now: datetime) -> timedelta | None:
    if not (record.started_at and record.worker):  # no worker: cancelled while it waited
        return None
    if record.status == TaskStatus.RUNNING:
        return now - aware(record.started_at)
    return aware(record.finished_at) - aware(record.started_at) if record.finished_at else None


def _first_due(record: TaskRecord) -> datetime:
    submitted_at = aware(record.submitted_at)
    return max(submitted_at, aware(record.run_after)) if record.run_after else submitted_at
