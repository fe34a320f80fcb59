"""What one can know about a job: `TaskResult` and its `TaskStatus`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from .job import NO_HISTORY
from .reports import LogLine, Progress


class TaskStatus(StrEnum):
    """Where a job stands. The last three are final."""

    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL

    @property
    def is_waiting(self) -> bool:
        return self in WAITING


WAITING = frozenset({TaskStatus.PENDING, TaskStatus.RETRYING})
FINAL = frozenset({TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.CANCELLED})
UNFINISHED = WAITING | {TaskStatus.RUNNING}
AT_REST = WAITING | FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that went wrong. The traceback is kept for the last ten of a job.

    `claim` is the number of the claim it began with, which is never set back.
    """

    attempt: int
    worker: str
    started_at: datetime | None
    finished_at: datetime | None
    error: str
    error_type: str
    traceback: str
    claim: int = 0


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A job as the ledger had it when asked. Times are aware, in UTC.

    `error` is the message of the last exception, `error_type` the dotted path of its class.
    `retries` counts the attempts that followed a failed or crashed one, or will. `history` tells
    of the last hundred that went wrong, oldest first; those before a retry by hand, too.
    `progress` is how far the last attempt said it was, `log` the last hundred lines that all have
    left. `cancelled_by` is who asked for a cancel; `was_stopped` says whether code that ran then
    ended for it, and is None where none had to. A job that has not
    started by `expires_at` is cancelled.
    """

    task_id: str
    status: TaskStatus
    task_name: str | None = None
    result: Any = None
    error: str | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    retries: int = 0
    args: tuple[Any, ...] = field(default=(), repr=False)  # what is secret is to be in no log
    kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    queue: str = "default"
    priority: int = 0
    run_after: datetime | None = None
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    worker: str | None = None
    error_type: str | None = None
    traceback: str | None = None
    history: tuple[Attempt, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)
    progress: Progress | None = None
    log: tuple[LogLine, ...] = ()
    cancelled_by: str | None = None
    was_stopped: bool | None = None
    expires_at: datetime | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the job reached a final state."""
        return self.status.is_final

    @property
    def is_success(self) -> bool:
        return self.status is TaskStatus.SUCCESS

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of plain values: the status by value, times in ISO 8601."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


def count_retries(status: TaskStatus, failures: int, crashes: int) -> int:
    """Return how many of the attempts that went wrong were, or will be, tried again."""
    return max(0, failures + crashes - (status is TaskStatus.FAILED))


def attempts_from(history: str) -> tuple[Attempt, ...]:
    """Return the attempts that the JSON text of a record tells of."""
    if history == NO_HISTORY:
        return ()
    return tuple(_attempt(**told) for told in orjson.loads(history))


def _attempt(**told: Any) -> Attempt:
    moments = {name: _moment(told[name]) for name in ("started_at", "finished_at")}
    return Attempt(**{**told, **moments})


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Attempt | Progress | LogLine):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value.value if isinstance(value, TaskStatus) else value
