"""SQLite: one writer at a time, who takes the lock before reading anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, transaction
from django.db.backends.utils import CursorWrapper

from ...job import Lane
from ...moments import AS_TEXT
from . import sql
from .engine import Clock, Engine, Query, Turns

PRIMARY_CODE = 0xFF
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PASSING = frozenset({
    sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM,
})  # fmt: skip

# The lanes asked for, as a table, from one parameter: a compound of one SELECT for each could have
# no more than 500 terms. Materialized, they would count as a million, and SQLite would filter all
# jobs for them first. CROSS JOIN makes it go from the lanes to their jobs.
LANES = """
WITH RECURSIVE lanes (lane_queue, lane_kind, lane_start, lane_step) AS NOT MATERIALIZED (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
        json_extract(value, '$[3]')
    FROM json_each(%s)
)
"""

# The first of each lane, and of these the first of all; parameters: lanes, limit, limit.
FIRST_OF_LANES = f"""
SELECT job.id FROM lanes CROSS JOIN {sql.TABLE} AS job ON job.id IN (
    SELECT id FROM {{by_ready}}
    WHERE {sql.READY} AND {sql.OF_LANE} ORDER BY priority, id LIMIT %s
)
ORDER BY {{turn}} job.priority, job.id LIMIT %s
"""
TURN = """
lane_start + lane_step * (
    row_number() OVER (PARTITION BY lane_queue, lane_kind ORDER BY job.priority, job.id) - 1
),
"""


def _now() -> datetime:
    return datetime.now(UTC)


class Sqlite(Engine):
    """SQLite, whose clock is that of the machine that every process using the file is on."""

    # Left to itself, SQLite may take an index that was made for the admin, and read all that
    # waits, or runs, to answer for one queue or one worker. A plus keeps it from using one. Which
    # of the two an index says of what is not indexed depends on the Django that made it.
    pieces: ClassVar = {
        "by_ready": f"{sql.TABLE} INDEXED BY flowrra_ready",
        "by_delayed": f"{sql.TABLE} INDEXED BY flowrra_delayed",
        "by_worker": f"{sql.TABLE} INDEXED BY flowrra_running",
        "by_task": f"{sql.TABLE} INDEXED BY flowrra_task",
        "by_queue": f"{sql.TABLE} INDEXED BY flowrra_queue",
        "by_id": f"{sql.TABLE} NOT INDEXED",
        "by_task_id": sql.TABLE,
        "by_status": f"{sql.TABLE} INDEXED BY flowrra_status",
        "by_finished": f"{sql.TABLE} INDEXED BY flowrra_finished",
        "by_unindexed": f"{sql.TABLE} INDEXED BY flowrra_unindexed",
        "by_expiring": f"{sql.TABLE} INDEXED BY flowrra_expiring",
        "not_indexed": "NOT indexed AND indexed = 0",
        "unindexed": "+",
        "among": "IN (",
        "end": ")",
        "locked": "",
        "skip_locked": "",
        "worker_locked": "",
        "moment": "%s",
        "unless_there": "ON CONFLICT DO NOTHING",
    }
    moments: ClassVar = {name: AS_TEXT.format(column) for name, column in sql.MOMENTS.items()}
    lanes_table = LANES

    def __init__(self, alias: str = DEFAULT_DB_ALIAS, *, clock: Clock = _now) -> None:
        super().__init__(alias)
        self.clock = clock

    @contextmanager
    def writing(self) -> Iterator[CursorWrapper]:
        """Give a cursor inside a transaction that holds the write lock from its start.

        A deferred transaction would read first and then fail as "locked" if another process
        wrote in between. Inside the caller's own transaction, it becomes a part of that.
        """
        connection = self.connection
        if connection.in_atomic_block:
            with transaction.atomic(using=self.alias), connection.cursor() as cursor:
                yield cursor
            return
        with connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")  # it, too, may find the database locked
            except BaseException:
                self._roll_back(cursor)
                raise

    def first_of(
        self, cursor: CursorWrapper, lanes: Collection[Lane], limit: int, turns: Turns
    ) -> Query:
        table, parameters = self.lanes(lanes, turns)
        firsts = self.render(FIRST_OF_LANES, turn=TURN if turns else "")
        return Query(table + firsts, [*parameters, limit, limit])

    def parameter(self, moment: datetime | None) -> Any:
        """Return an aware moment as a parameter of a statement: text, in the database's zone."""
        value: datetime | None = super().parameter(moment)
        return None if value is None else value.isoformat(" ", "microseconds")

    def version(self) -> int:
        """Return a number that changes when another connection commits."""
        connection = self.connection
        connection.ensure_connection()
        row: tuple[int] = connection.connection.execute("PRAGMA data_version").fetchone()
        return row[0]

    def files(self) -> list[Path]:
        """Return what is written to when somebody commits; none for a database in memory."""
        if self.connection.is_in_memory_db():
            return []
        path: str = self.connection.get_connection_params()["database"]
        return [Path(path), Path(f"{path}-wal")]

    def is_busy(self, error: Exception) -> bool:
        return _code(error) in BUSY

    def is_outage(self, error: Exception) -> bool:
        return _code(error) in PASSING

    def _roll_back(self, cursor: CursorWrapper) -> None:
        try:
            cursor.execute("ROLLBACK")
        except DatabaseError:  # SQLite has rolled back by itself, or the connection is gone
            self.close()


def _code(error: Exception) -> int:
    """Return SQLite's own code of what Django raised."""
    code = getattr(error.__cause__, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return int(code) & PRIMARY_CODE if isinstance(error, DatabaseError) else sqlite3.SQLITE_OK
