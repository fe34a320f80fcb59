"""What one can know about a job: `TaskResult` and its `TaskStatus`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any


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


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A job as the ledger had it when asked. Times are aware, in UTC.

    `error` is the message of the last exception, `error_type` the dotted path of its class.
    `retries` counts the attempts that followed a failed or crashed one, or will.
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
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    queue: str = "default"
    priority: int = 0
    run_after: datetime | None = None
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    worker: str | None = None
    error_type: str | None = None
    traceback: str | None = None

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


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, TaskStatus) else value
