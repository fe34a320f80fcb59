"""Queues: what waits on each, and about which something was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from ...job import all_lanes
from . import sql
from .engine import Engine
from .workers import DatabaseWorkers

PAUSED = f"SELECT name FROM {sql.QUEUES_TABLE} WHERE paused_at IS NOT NULL"
PAUSE = f"INSERT INTO {sql.QUEUES_TABLE} (name, paused_at) VALUES (%s, %s)"
RESUME = f"DELETE FROM {sql.QUEUES_TABLE} WHERE name = %s"


class DatabaseQueues(DatabaseWorkers):
    """The part of the ledger that knows queues, and keeps the table of `QueueState`."""

    def waiting_since(self, queues: Collection[str], looked_at: int) -> dict[str, datetime]:
        if not self.engine.asks_of_each_lane:
            return super().waiting_since(queues, looked_at)
        moments = [
            (row[0], self.engine.read_moment(value))
            for row in _rows(self.engine, sql.SINCE, queues, [looked_at])
            for value in row[1:]
            if value is not None
        ]
        return dict(sorted(moments, reverse=True))  # the first of a queue comes last, and stays

    def pause(self, queue: str) -> None:
        if queue in self.paused():
            return
        try:
            with self.engine.writing() as cursor:
                cursor.execute(PAUSE, [queue, self.engine.moment()])
        except IntegrityError:  # somebody else has just done it
            return

    def resume(self, queue: str) -> None:
        with self.engine.writing() as cursor:
            cursor.execute(RESUME, [queue])

    def paused(self) -> set[str]:
        with self.engine.reading() as cursor:
            cursor.execute(PAUSED)
            return {row[0] for row in cursor.fetchall()}


def depths(engine: Engine, queues: Collection[str], limit: int) -> dict[str, int]:
    """Count of each queue what waits, up to `limit`, in one statement."""
    found: Counter[str] = Counter()
    for queue, count in _rows(engine, sql.DEPTHS, queues, [limit, limit]):
        found[queue] += count
    return {queue: min(limit, found[queue]) for queue in queues}


def _rows(
    engine: Engine, template: str, queues: Collection[str], values: list[int]
) -> list[tuple[Any, ...]]:
    table, parameters = engine.lanes(all_lanes(queues))
    with engine.reading() as cursor:
        cursor.execute(table + engine.render(template), [*parameters, *values])
        return list(cursor.fetchall())
