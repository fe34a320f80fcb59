"""What differs between database engines: transactions, the clock, locks, what an error means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import orjson
from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.utils import CursorWrapper

from ...job import Lane
from ...moments import moment_from
from ...results import TaskStatus
from . import sql
from .rows import SMALLEST

Clock = Callable[[], datetime]
Rows = list[tuple[Any, ...]]
Turns = Mapping[Lane, tuple[float, float]]
NO_TURNS: Turns = MappingProxyType({})
Place = tuple[int, int]  # in a lane's order: priority, number
Fronts = Mapping[Lane, Place]
NO_FRONTS: Fronts = MappingProxyType({})
BEFORE_ALL: Place = (SMALLEST, 0)


class Query(NamedTuple):
    """A statement that selects, in the words of an engine, with its parameters."""

    statement: str
    parameters: Sequence[Any]


class Look(NamedTuple):
    """Whether anything can be taken, and when the first delayed job of each lane is due.

    `fronts` is where the first job of each lane is, if the engine tells.
    """

    is_ready: bool
    dues: list[Any]
    fronts: Fronts = NO_FRONTS


class Engine(ABC):
    """A database as the ledger uses it: on the calling thread's own connection.

    `clock` tells the time of the ledger, which is the same for all who use it.
    """

    pieces: ClassVar[Mapping[str, str]] = {}
    """What stands in the templates of `sql` for a word in braces."""

    moments: ClassVar[Mapping[str, str]] = sql.MOMENTS
    """What stands in them for a column of moments, so that what is read has a name in Python."""

    own: ClassVar[Mapping[str, str]] = {}
    """What stands for a whole template."""

    lanes_table: ClassVar[str] = ""
    clock: Clock

    asks_of_each_lane: ClassVar = True
    """Whether a part of a statement can be limited for each lane by itself."""

    has_many_writers: ClassVar[bool] = False
    """Whether one connection can write while another does, and neither is made to start again."""

    short_wait: ClassVar[str] = ""
    """What makes a transaction wait two seconds for a row; none where there is one lock for all."""

    is_indexed_elsewhere = False
    """Whether jobs wait in an index that may lack them, so that their records need a mark."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    @property
    def connection(self) -> Any:
        """The calling thread's own connection."""
        return connections[self.alias]

    # Statements

    def render(self, template: str, **parts: str) -> str:
        """Return a statement of `sql` in the words of this engine."""
        indexed = "FALSE" if self.is_indexed_elsewhere else "TRUE"
        return self.own.get(template, template).format(
            **self.pieces, **self.moments, indexed=indexed, **parts
        )

    def lanes(
        self, lanes: Collection[Lane], turns: Turns = NO_TURNS, fronts: Fronts = NO_FRONTS
    ) -> tuple[str, list[Any]]:
        """Return the lanes as a table, with its parameters.

        Its columns are `lane_queue`, `lane_kind`, of its turn `lane_start` and `lane_step`; and on
        an engine that tells fronts `front_priority` and `front_id`.
        """
        told = [
            [
                lane.queue, lane.kind, *turns.get(lane, (0.0, 0.0)), *fronts.get(lane, BEFORE_ALL),
            ]
            for lane in lanes
        ]  # fmt: skip
        return self.lanes_table, [orjson.dumps(told).decode()]

    def of_lanes(
        self, template: str, lanes: Collection[Lane], *values: Any
    ) -> tuple[str, Sequence[Any] | Mapping[str, Any]]:
        """Return a statement of `sql` that reads `lanes`, with its parameters: the values last."""
        table, parameters = self.lanes(lanes)
        return table + self.render(template), [*parameters, *values]

    def claim(self, cursor: CursorWrapper, worker_id: str, now: datetime, rows: Query) -> Rows:
        """Claim the rows whose ids the query selects, if the worker is enlisted and stays so.

        Returns CLAIMED_COLUMNS. Until the transaction ends, nobody can dismiss the worker.
        """
        statement = self.render(sql.CLAIM, rows=rows.statement)
        cursor.execute(statement, [worker_id, self.parameter(now), *rows.parameters, worker_id])
        return list(cursor.fetchall())

    def peek(self, cursor: CursorWrapper, lanes: Collection[Lane]) -> Look:
        """Look what there is to take, without a lock."""
        cursor.execute(*self.of_lanes(sql.PEEK, lanes))
        rows = cursor.fetchall()
        return Look(any(ready for ready, _ in rows), [due for _, due in rows if due is not None])

    @abstractmethod
    def first_of(
        self, cursor: CursorWrapper, lanes: Collection[Lane], limit: int, turns: Turns
    ) -> Query:
        """Return the query of the ids to claim: the first of all the lanes.

        By priority, or by turns if there are any: the start of a lane's first job, and how much
        later each next one comes.
        """

    def first_from(self, cursor: CursorWrapper, fronts: Fronts, limit: int, turns: Turns) -> Query:
        """Do the same for lanes of which a look told where they begin: nothing comes before."""
        return self.first_of(cursor, fronts, limit, turns)

    def fronts(self, cursor: CursorWrapper, lanes: Collection[Lane]) -> list[str]:
        """Do what the broker is asked for under this name."""
        cursor.execute(*self.of_lanes(sql.FRONTS, lanes))
        return [row[0] for row in cursor.fetchall()]

    def insert(self, cursor: CursorWrapper, row: Sequence[Any]) -> int:
        """Insert a new job; return its place in the order of arrival, or 0 if nobody asks for it.

        An index that is elsewhere does.
        """
        statement = self.render(sql.INSERT)
        if not self.is_indexed_elsewhere:
            cursor.execute(statement, row)
            return 0
        cursor.execute(f"{statement} RETURNING id", row)
        ((sequence,),) = cursor.fetchall()
        return int(sequence)

    def write(self, cursor: CursorWrapper, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        """Execute a statement of `sql` for each row of parameters; return how many it changed."""
        if not rows:
            return 0
        cursor.executemany(self.render(statement), rows)
        return int(cursor.rowcount)

    def holders(self, cursor: CursorWrapper, keys: set[str]) -> dict[str, str]:
        """Return the ids of the jobs that have unique keys, by key."""
        return self.look_up(cursor, sql.HOLDERS, keys) if keys else {}

    def look_up(
        self, cursor: CursorWrapper, statement: str, keys: Collection[str]
    ) -> dict[str, str]:
        asked = list(keys)
        cursor.execute(statement.format(keys=placeholders(asked)), asked)
        return dict(cursor.fetchall())

    def change(
        self, cursor: CursorWrapper, change: sql.Change, values: Sequence[Any], ids: Sequence[str]
    ) -> Rows:
        """Change those of the named jobs that are in one of the states; return their columns."""
        statement = self.render(
            sql.CHANGE,
            assignments=self.render(change.assignments),
            columns=change.columns,
            ids=placeholders(ids),
            states=quoted(change.states),
        )
        cursor.execute(statement, [*values, *ids])
        return list(cursor.fetchall())

    def delete(
        self, cursor: CursorWrapper, ids: Sequence[str], states: Collection[TaskStatus]
    ) -> Rows:
        """Delete those of the named jobs that are in one of the states; return their ids."""
        statement = self.render(sql.DELETE, ids=placeholders(ids), states=quoted(states))
        cursor.execute(statement, ids)
        return list(cursor.fetchall())

    def promote(self, cursor: CursorWrapper, lanes: Collection[Lane], limit: int) -> None:
        """Let up to so many delayed jobs of each lane that are due now wait like others."""
        now = self.moment()
        rows = [(now, lane.queue, lane.kind.value, limit) for lane in lanes]
        cursor.executemany(self.render(sql.PROMOTE), rows)

    def prune(self, cursor: CursorWrapper, before: Any, limit: int) -> int:
        cursor.execute(self.render(sql.PRUNE), [before, limit])
        return int(cursor.rowcount)

    # Transactions

    @contextmanager
    def reading(self) -> Iterator[CursorWrapper]:
        """Give a cursor; what is read is what is committed."""
        with self.mending(), self.connection.cursor() as cursor:
            yield cursor

    def reading_in_order(self) -> AbstractContextManager[CursorWrapper]:
        """Give a cursor whose statements go along an index for their order, and sort nothing."""
        return self.reading()

    @abstractmethod
    def writing(self) -> AbstractContextManager[CursorWrapper]:
        """Give a cursor inside a transaction, or inside the caller's as a part of that."""

    @contextmanager
    def mending(self) -> Iterator[None]:
        """Close a connection that an outage has broken, so that the next call opens another.

        One that is inside the caller's transaction is left to the caller.
        """
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            if self.is_outage(error) and not self.connection.in_atomic_block:
                self.close()
            raise

    def close(self) -> None:
        self.connection.close()

    # Time

    def moment(self, seconds: float = 0.0) -> Any:
        """Return now, or so many seconds from now, as a parameter of a statement."""
        return self.parameter(self.clock() + timedelta(seconds=seconds))

    def parameter(self, moment: datetime | None) -> Any:
        """Return an aware moment as a parameter of a statement: naive, in the database's zone."""
        zone = self.connection.timezone
        return moment.astimezone(zone or UTC).replace(tzinfo=None) if moment else None

    def read_moment(self, value: Any) -> datetime:
        """Return a moment in UTC, from what a raw cursor or the ORM gives."""
        (moment,) = self.read_moments([value])
        return moment

    def read_moments(self, values: Sequence[Any]) -> list[datetime]:
        """Return moments in UTC, as `read_moment` does, and many of them in less time."""
        zone = self.connection.timezone or UTC
        moments = map(moment_from, values)
        return [each.replace(tzinfo=each.tzinfo or zone).astimezone(UTC) for each in moments]

    def seconds_until(self, value: Any) -> float:
        """Return in how many seconds a moment of a raw column comes; 0 if it is None or past."""
        if value is None:
            return 0.0
        return max(0.0, (self.read_moment(value) - self.clock()).total_seconds())

    # News

    def version(self) -> int | None:
        """Return a number that changes when another connection commits; None if nobody tells."""
        return None

    def files(self) -> list[Path]:
        """Return the files that are written to when somebody commits, where that can be seen."""
        return []

    # Errors

    @abstractmethod
    def is_busy(self, error: Exception) -> bool:
        """Whether the same call may do when others have ended theirs."""

    def is_deadlock(self, error: Exception) -> bool:
        """Whether the database has ended a transaction so that another can go on."""
        return False

    @abstractmethod
    def is_outage(self, error: Exception) -> bool:
        """Whether the database is away, full or closed to writes, and may not be so for ever."""


def quoted(states: Collection[TaskStatus]) -> str:
    """Return states as they stand in a statement; for none NULL, which no state is equal to."""
    return ", ".join(f"'{state.value}'" for state in states) or "NULL"


def placeholders(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
