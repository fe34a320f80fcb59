"""The index in the database: the record itself is the queue entry."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Self

from ...backends.answers import Entry
from ...backends.base import BaseBackend
from ...backends.database import DatabaseBackend, sql
from ...backends.database.engine import NO_FRONTS, Fronts, Look
from ...backends.database.queues import depths
from ...backends.listening import Listener
from ...config import StoreConfig
from ...exceptions import ConfigurationError
from ...job import Lane
from ..base import ALL_AT_ONCE, BaseBroker, Heard, Taken, Turns
from .looks import Looks
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
        self._looks = Looks()

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
        """Read first, so that an idle worker takes no write lock; then claim in one transaction.

        Where it takes long to read, it is not done each time.
        """
        if known := self._looks.fronts(lanes):
            taken = self._claim(worker_id, lanes, limit, turns, known)
            if len(taken.jobs) == limit:
                return taken
            self._looks.forget(lanes)
            if taken.jobs:
                return Taken(taken.jobs, 0.0)
        look = self._look(lanes)
        waits = [self._engine.seconds_until(due) for due in look.dues]
        is_due = bool(waits) and min(waits) <= 0
        if not look.is_ready and not is_due:
            return Taken([], min(waits, default=None))
        taken = self._claim(worker_id, lanes, limit, turns, look.fronts, has_due=is_due)
        if taken.next_due is not None or len(taken.jobs) == limit:
            return taken
        return Taken(taken.jobs, min((each for each in waits if each > 0), default=None))

    def _look(self, lanes: Collection[Lane]) -> Look:
        started = time.monotonic()
        with self._engine.reading() as cursor:
            look = self._engine.peek(cursor, lanes)
        self._looks.note(lanes, look.fronts, time.monotonic() - started)
        return look

    def _claim(
        self,
        worker_id: str,
        lanes: Collection[Lane],
        limit: int,
        turns: Turns,
        fronts: Fronts,
        *,
        has_due: bool = False,
    ) -> Taken:
        with self._engine.writing() as cursor:
            if has_due:
                self._engine.promote(cursor, lanes, PROMOTED)
                fronts = NO_FRONTS  # what was promoted may come before them
            if fronts:
                rows = self._engine.first_from(cursor, fronts, limit, turns)
            else:
                rows = self._engine.first_of(cursor, lanes, limit, turns)
            jobs, expired = self.ledger.claim_rows(cursor, worker_id, rows)
        if jobs:
            self._news.found()
        return Taken(jobs, 0.0 if expired else None)  # there may be more behind what had expired

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
