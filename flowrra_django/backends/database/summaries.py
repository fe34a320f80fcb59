"""What people look at: read from indexes, however long the table is."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...models import TaskRecord
from ...results import TaskResult, TaskStatus, count_retries
from ..batches import batches
from .workers import DatabaseWorkers

COLUMNS = (
    "task_id", "task_name", "status", "queue", "priority", "attempts", "failures", "crashes",
    "worker", "error_type", "submitted_at", "run_after", "started_at", "finished_at",
)  # fmt: skip
MOMENTS = ("submitted_at", "run_after", "started_at", "finished_at")

RUNNING = "SELECT task_id FROM {by_worker} WHERE status = 'running' LIMIT %s"
LATEST = """
SELECT task_id FROM {by_finished} WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT %s
"""


class DatabaseSummaries(DatabaseWorkers):
    """The part of the ledger that people look at."""

    def summaries(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        records = TaskRecord.objects.using(self.alias).order_by().values(*COLUMNS)
        with self.engine.mending():
            return {
                row["task_id"]: self._summary(**row)
                for ids in batches(task_ids)
                for row in records.filter(task_id__in=ids)
            }

    def running(self, limit: int) -> list[str]:
        return self._ids(RUNNING, limit)

    def latest(self, limit: int) -> list[str]:
        return self._ids(LATEST, limit)

    def _ids(self, statement: str, limit: int) -> list[str]:
        with self.engine.reading() as cursor:
            cursor.execute(self.engine.render(statement), [limit])
            return [row[0] for row in cursor.fetchall()]

    def _summary(self, **row: Any) -> TaskResult:
        status = TaskStatus(row.pop("status"))
        for name in MOMENTS:
            row[name] = None if row[name] is None else self.engine.read_moment(row[name])
        for name in ("worker", "error_type"):
            row[name] = row[name] or None
        retries = count_retries(status, row["failures"], row["crashes"])
        return TaskResult(status=status, retries=retries, **row)
