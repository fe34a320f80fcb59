"""What an index that is elsewhere has to be told, and what it is known to have been told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any

from ..answers import Entry, Unindexed
from ..base import SweptBackend
from ..batches import batches
from . import sql
from .engine import Engine, placeholders
from .entries import parted, spoil, timed_entries_from, waiting_among

SEQUENCE, CLAIM = 4, 5  # in the rows of what is not known to be indexed


class DatabaseSweeping(SweptBackend):
    """The part of the ledger that keeps the marks."""

    engine: Engine

    def index_elsewhere(self) -> None:
        self.engine.is_indexed_elsewhere = True

    def entries(self, task_ids: Collection[str]) -> list[Entry]:
        with self.engine.reading() as cursor:
            parts = [waiting_among(self.engine, cursor, ids) for ids in batches(task_ids)]
        return [entry for part in parts for entry in part]

    def unindexed(
        self, after: int, limit: int, age: float, *, even_marked: bool = False
    ) -> list[Unindexed]:
        parameters = [after, self.engine.moment(-age), limit]
        query = self.engine.render(sql.ALL_WAITING if even_marked else sql.UNINDEXED)
        while True:
            with self.engine.reading_in_order() as cursor:
                cursor.execute(query, parameters * 2 if even_marked else parameters)
                rows = sorted(cursor.fetchall(), key=itemgetter(SEQUENCE))[:limit]
            sound, malformed = parted(rows)
            if not malformed:
                return self._unindexed(sound)
            self._spoil(malformed)  # and look again: a batch that is not full would be the last

    def mark_indexed(self, seen: Sequence[Unindexed]) -> None:
        of_claim: dict[int, list[int]] = {}
        for each in seen:
            of_claim.setdefault(each.claim, []).append(each.entry.sequence)
        with self.engine.writing() as cursor:
            for claim, ids in of_claim.items():
                for part in batches(ids):
                    mark = self.engine.render(sql.MARK, ids=placeholders(part))
                    cursor.execute(mark, [*part, claim])

    def _unindexed(self, rows: Sequence[Sequence[Any]]) -> list[Unindexed]:
        entries = timed_entries_from(self.engine, rows)
        return [Unindexed(entry, row[CLAIM]) for entry, row in zip(entries, rows, strict=True)]

    def _spoil(self, rows: Sequence[Sequence[Any]]) -> None:
        with self.engine.writing() as cursor:
            for row in rows:
                spoil(self.engine, cursor, row[0], row[SEQUENCE])
