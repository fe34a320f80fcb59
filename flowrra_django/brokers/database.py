"""The index in the database: the record itself is the queue entry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Self

from django.db.backends.utils import CursorWrapper

from ..backends.base import BaseBackend, Entry
from ..backends.database import DatabaseBackend, sql
from ..config import StoreConfig
from ..exceptions import ConfigurationError
from ..job import Job, Lane
from .base import BaseBroker, Taken

PEEK = f"""
{sql.LANES}
SELECT EXISTS (SELECT 1 FROM {sql.BY_READY} WHERE {sql.READY} AND {sql.OF_LANE}),
       (SELECT min(due_at) FROM {sql.BY_DELAYED} WHERE due_at IS NOT NULL AND {sql.OF_LANE})
FROM lanes
"""

PROMOTE = f"""
UPDATE {sql.BY_DELAYED} SET due_at = NULL
WHERE due_at IS NOT NULL AND due_at <= %s AND queue = %s AND kind = %s
"""

# The first of each lane, and of these the first of all; parameters: lanes, limit, limit.
FIRST_OF_LANES = f"""
{sql.LANES}
SELECT job.id FROM lanes CROSS JOIN {sql.TABLE} AS job ON job.id IN (
    SELECT id FROM {sql.BY_READY}
    WHERE {sql.READY} AND {sql.OF_LANE} ORDER BY priority, id LIMIT %s
)
ORDER BY job.priority, job.id LIMIT %s
"""

DEPTH = f"SELECT count(*) FROM ({sql.WAITING_OF_LANES})"


class DatabaseBroker(BaseBroker):
    """Finds what waits through partial indexes; learns of other processes' commits by polling."""

    ledger: DatabaseBackend
    poll_seconds = 0.015

    def __init__(self, ledger: DatabaseBackend) -> None:
        super().__init__(ledger)
        self._engine = ledger.engine
        self._seen = 0

    @classmethod
    def from_config(cls, config: StoreConfig, ledger: BaseBackend) -> Self:
        if not isinstance(ledger, DatabaseBackend):
            raise ConfigurationError("A database broker needs the same database as its backend.")
        return cls(ledger)

    def push(self, entries: Sequence[Entry]) -> None:
        """Wake this process; the index knows already."""
        if entries:
            self.ring()

    def take(self, worker_id: str, lanes: Collection[Lane], limit: int) -> Taken:
        """Read first, so that an idle worker takes no write lock; then claim in one transaction."""
        with self._engine.reading() as cursor:
            is_ready, dues = self._peek(cursor, lanes)
        waits = [self._engine.seconds_until(due) for due in dues]
        if not is_ready and not (waits and min(waits) <= 0):
            return Taken([], min(waits, default=None))
        with self._engine.writing() as cursor:
            if waits and min(waits) <= 0:
                self._promote(cursor, lanes)
            jobs = self._claim(cursor, worker_id, lanes, limit)
        later = [seconds for seconds in waits if seconds > 0]
        return Taken(jobs, min(later, default=None) if len(jobs) < limit else None)

    def forget(self, task_ids: Collection[str]) -> None:
        """Know it already: the records say so."""

    def depth(self, lanes: Collection[Lane], limit: int) -> int:
        with self._engine.reading() as cursor:
            cursor.execute(DEPTH, [sql.as_table(lanes), limit])
            return int(cursor.fetchone()[0])

    def changed(self) -> bool:
        """Whether another connection has committed since the last call."""
        version = self._engine.data_version()
        is_news, self._seen = version != self._seen, version
        return is_news

    def close(self) -> None:
        self._engine.close()

    def _peek(self, cursor: CursorWrapper, lanes: Collection[Lane]) -> tuple[bool, list[Any]]:
        cursor.execute(PEEK, [sql.as_table(lanes)])
        rows = cursor.fetchall()
        return any(ready for ready, _ in rows), [due for _, due in rows if due is not None]

    def _promote(self, cursor: CursorWrapper, lanes: Collection[Lane]) -> None:
        now = self._engine.moment()
        cursor.executemany(PROMOTE, [(now, lane.queue, lane.kind.value) for lane in lanes])

    def _claim(
        self, cursor: CursorWrapper, worker_id: str, lanes: Collection[Lane], limit: int
    ) -> list[Job]:
        parameters = [sql.as_table(lanes), limit, limit]
        return self.ledger.claim_rows(cursor, worker_id, FIRST_OF_LANES, parameters)
