"""The index in the database: the record itself is the queue entry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Self

from ...backends.answers import Entry
from ...backends.base import BaseBackend
from ...backends.database import DatabaseBackend, sql
from ...backends.database.engine import NO_FRONTS
from ...backends.database.queues import depths
from ...backends.listening import Listener
from ...config import StoreConfig
from ...exceptions import ConfigurationError
from ...job import Lane
from ..base import ALL_AT_ONCE, BaseBroker, Heard, Taken, Turns
from .news import news_of

PROMOTED = 1000


class DatabaseBroker(BaseBroker):
    """Finds what waits through the indexes of the table."""

    ledger: DatabaseBackend

    def __init__(self, ledger: DatabaseBackend) -> None:
        super().__init__(ledger)
        self._engine = ledger.engine
        self._news = news_of(self._engine)
        self.hears_early = self._news.comes_early

    @property
    def poll_seconds(self) -> float:
        return self._news.poll_seconds

    @classmethod
    def from_config(cls, config: StoreConfig, ledger: BaseBackend) -> Self:
        if not isinstance(ledger, DatabaseBackend):
            raise ConfigurationError("A database broker needs the same database as its backend.")
        return cls(ledger)

    def push(self, entries: Sequence[Entry]) -> None:
        """Wake this process and others; the index knows already."""
        if entries:
            kinds = {entry.lane.kind for entry in entries}
            self.ring(kinds)
            self._news.tell(kinds)

    def take(
        self, worker_id: str, lanes: Collection[Lane], limit: int, turns: Turns = ALL_AT_ONCE
    ) -> Taken:
        """Read first, so that an idle worker takes no write lock; then claim in one transaction."""
        with self._engine.reading() as cursor:
            is_ready, dues, fronts = self._engine.peek(cursor, lanes)
        waits = [self._engine.seconds_until(due) for due in dues]
        if not is_ready and not (waits and min(waits) <= 0):
            return Taken([], min(waits, default=None))
        with self._engine.writing() as cursor:
            if waits and min(waits) <= 0:
                self._engine.promote(cursor, lanes, PROMOTED)
                fronts = NO_FRONTS  # what was promoted may come before them
            rows = self._engine.first_of(cursor, lanes, limit, turns, fronts)
            jobs, expired = self.ledger.claim_rows(cursor, worker_id, rows)
        if jobs:
            self._news.found()
        if expired:  # there may be more behind them
            return Taken(jobs, 0.0)
        later = [seconds for seconds in waits if seconds > 0]
        return Taken(jobs, min(later, default=None) if len(jobs) < limit else None)

    def fronts(self, lanes: Collection[Lane]) -> list[str]:
        with self._engine.reading() as cursor:
            return self._engine.fronts(cursor, lanes)

    def forget(self, task_ids: Collection[str]) -> None:
        """Know it already: the records say so."""

    def depth(self, lanes: Collection[Lane], limit: int) -> int:
        with self._engine.reading() as cursor:
            cursor.execute(*self._engine.of_lanes(sql.DEPTH, lanes, limit))
            return int(cursor.fetchone()[0])

    def depths(self, queues: Collection[str], limit: int) -> dict[str, int]:
        if not self._engine.asks_of_each_lane:
            return super().depths(queues, limit)
        return depths(self._engine, queues, limit)

    def changed(self) -> bool:
        return self._news.changed()

    def listen(self, heard: Heard) -> Listener | None:
        return self._news.listen(heard)

    def close(self) -> None:
        self._engine.close()
