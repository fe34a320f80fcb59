"""What changes in the table, for those who watch: read from indexes, however long it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from ...models import TaskRecord
from ...results import TaskStatus
from ..batches import batches
from ..briefs import FIELDS, Brief
from .engine import Engine


class DatabaseGlimpses:
    """The part of the ledger that watchers ask."""

    engine: Engine
    alias: str

    def briefs(self, task_ids: Collection[str]) -> dict[str, Brief]:
        records = self._records()
        with self.engine.mending():
            return {
                brief.task_id: brief
                for ids in batches(task_ids)
                for brief in _briefs(records.filter(task_id__in=ids))
            }

    def recent(self, limit: int) -> list[Brief]:
        records = self._records()
        parts = (
            records.order_by("-pk"),
            records.filter(finished_at__isnull=False).order_by("-finished_at"),
            records.filter(status=TaskStatus.RUNNING).order_by("-pk"),
        )
        with self.engine.mending():
            found = {brief.task_id: brief for part in parts for brief in _briefs(part[:limit])}
        return list(found.values())

    def _records(self) -> Any:
        return TaskRecord.objects.using(self.alias).order_by().values_list(*FIELDS)


def _briefs(rows: Iterable[tuple[Any, ...]]) -> list[Brief]:
    return [Brief.from_row(*row) for row in rows]
