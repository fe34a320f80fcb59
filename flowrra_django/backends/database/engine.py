"""What differs between database engines: transactions, the clock, what an error means."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.utils import CursorWrapper

from ...exceptions import ConfigurationError

PRIMARY_CODE = 0xFF
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PASSING = frozenset({
    sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM,
})  # fmt: skip


def _now() -> datetime:
    return datetime.now(UTC)


class Sqlite:
    """SQLite, whose clock is that of the machine that every process using the file is on."""

    def __init__(
        self, alias: str = DEFAULT_DB_ALIAS, *, clock: Callable[[], datetime] = _now
    ) -> None:
        self.alias = alias
        self.clock = clock

    @property
    def connection(self) -> Any:
        """The calling thread's own connection."""
        return connections[self.alias]

    @contextmanager
    def reading(self) -> Iterator[CursorWrapper]:
        """Give a cursor; what is read is what is committed."""
        with self.connection.cursor() as cursor:
            yield cursor

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

    def moment(self, seconds: float = 0.0) -> Any:
        """Return now, or so many seconds from now, as a parameter of a statement."""
        return self.parameter(self.clock() + timedelta(seconds=seconds))

    def parameter(self, moment: datetime | None) -> Any:
        """Return an aware moment as a parameter of a statement."""
        zone = self.connection.timezone
        value = moment.astimezone(zone or UTC).replace(tzinfo=None) if moment else None
        return None if value is None else value.isoformat(" ", "microseconds")

    def read_moment(self, value: Any) -> datetime:
        """Return an aware moment from a column, as a raw cursor gives it."""
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=self.connection.timezone or UTC).astimezone(UTC)

    def seconds_until(self, value: Any) -> float:
        """Return in how many seconds a moment of a raw column comes; 0 if it is None or past."""
        if value is None:
            return 0.0
        now = self.read_moment(self.moment())
        return max(0.0, (self.read_moment(value) - now).total_seconds())

    def data_version(self) -> int:
        """Return a number that changes when another connection commits."""
        connection = self.connection
        connection.ensure_connection()
        row: tuple[int] = connection.connection.execute("PRAGMA data_version").fetchone()
        return row[0]

    def is_busy(self, error: Exception) -> bool:
        return _code(error) in BUSY

    def is_outage(self, error: Exception) -> bool:
        return _code(error) in PASSING

    def close(self) -> None:
        self.connection.close()

    def _roll_back(self, cursor: CursorWrapper) -> None:
        try:
            cursor.execute("ROLLBACK")
        except DatabaseError:  # SQLite has rolled back by itself, or the connection is gone
            self.close()


def in_utc(moment: datetime) -> datetime:
    """Return a moment as the ORM gives it, in UTC: it is naive, and in UTC, where USE_TZ is off."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def engine_of(alias: str) -> Sqlite:
    """Return the engine of a database alias, or raise ConfigurationError."""
    vendor = connections[alias].vendor
    if vendor != "sqlite":
        raise ConfigurationError(f"The ledger cannot be kept in {vendor} yet. Use SQLite.")
    return Sqlite(alias)


def _code(error: Exception) -> int:
    """Return SQLite's own code of what Django raised."""
    code = getattr(error.__cause__, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return int(code) & PRIMARY_CODE if isinstance(error, DatabaseError) else sqlite3.SQLITE_OK
