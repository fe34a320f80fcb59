"""What those see of a job who watch it: nothing of what it was called with, or came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from ..reports import progress_fields, progress_from
from ..results import TaskStatus

FIELDS = ("task_id", "status", "task_name", "queue", "claim", "progress")


class Brief(NamedTuple):
    """How a job stands. `claim` grows with every time that it is begun.

    `progress` has the plain values of a `Progress`.
    """

    task_id: str
    status: TaskStatus
    task_name: str
    queue: str
    claim: int = 0
    progress: Mapping[str, Any] | None = None

    @classmethod
    def from_row(
        cls, task_id: str, status: str, task_name: str, queue: str, claim: int, progress: Any
    ) -> Self:
        """Read the values of FIELDS; ValueError for a status that there is not."""
        told = progress_fields(progress_from(progress))
        return cls(task_id, TaskStatus(status), task_name, queue, claim, told)
