"""Which jobs: what a ledger is asked to choose by."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..results import TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Jobs in one of some states that meet whatever else is said; None: whichever.

    `older_than`: they were enqueued more than that many seconds ago.
    """

    statuses: Collection[TaskStatus]
    tasks: Collection[str] | None = None
    queues: Collection[str] | None = None
    older_than: float | None = None
