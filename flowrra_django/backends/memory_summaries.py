"""What people look at, in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import replace
from itertools import islice
from threading import RLock
from typing import Any

from ..results import TaskResult, TaskStatus
from .base import BaseBackend
from .record import Record

LONG: dict[str, Any] = {
    "result": None, "error": None, "traceback": None, "args": (), "kwargs": {}, "meta": {},
    "history": (), "progress": None, "log": (), "cancelled_by": None, "was_stopped": None,
}  # fmt: skip


class MemorySummaries(BaseBackend):
    """The part of the ledger in memory that people look at."""

    _lock: RLock
    _records: dict[str, Record]
    _ended: deque[tuple[float, str]]

    def summaries(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        found = self.results(task_ids)
        return {i: replace(result, **LONG) for i, result in found.items()}

    def running(self, limit: int) -> list[str]:
        with self._lock:
            running = (i for i, r in self._records.items() if r.status is TaskStatus.RUNNING)
            return list(islice(running, limit))

    def latest(self, limit: int) -> list[str]:
        with self._lock:
            ids = (i for _, i in reversed(self._ended) if self._has_ended(i))
            return list(islice(dict.fromkeys(ids), limit))

    def _has_ended(self, task_id: str) -> bool:
        record = self._records.get(task_id)
        return record is not None and record.status.is_final
