"""MySQL and MariaDB: rows are locked by one statement, and changed by another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import product
from typing import Any, ClassVar

from django.db import DatabaseError, InterfaceError
from django.db.backends.utils import CursorWrapper

from ...job import Lane
from ...results import TaskStatus
from ..base import MOST_FRONTS
from . import mysql_sql, sql
from .engine import Query, Rows, Turns, placeholders, quoted
from .mysql_packets import refuse_too_large
from .rows import LARGEST
from .server import Server

CLAIM = f"UPDATE {{by_id}} SET {sql.CLAIMED}"

KEY = -2  # where an inserted row has its unique key
AT_ONCE_CHARS = 500_000  # the server refuses statements of 16 MB, as it comes

# Row changed since it was read, lock wait, deadlock, lock not to be had at once.
BUSY = frozenset({1020, 1205, 1213, 3572})
PASSING = frozenset({
    1021, 1026, 1037, 1041, 1114,  # disk or memory full
    1040, 1203, 1226,  # too many connections
    1043, 1045, 1049, 1129, 1130, 1698,  # refused at the door, as for a new password
    1053, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 3169, 4031,  # connection or server ended
    1290, 1792, 1836,  # closed to writes, as a replica is
})  # fmt: skip
DEADLOCK = 1213
CLIENT_ERRORS = range(2000, 3000)  # it never came to the server, or nothing came back from there
TOO_LARGE = 2020  # for the driver, however often


class MySQL(Server):
    """MariaDB 10.11 or later, MySQL 8.4 or later."""

    # Left to itself, it may look for named rows among all that have their state, and lock all of
    # them, by an index that those who change them lock last: each would wait for the other.
    pieces: ClassVar = {
        "by_ready": f"{sql.TABLE} FORCE INDEX (flowrra_ready)",
        "by_delayed": f"{sql.TABLE} FORCE INDEX (flowrra_delayed)",
        "by_worker": f"{sql.TABLE} FORCE INDEX (flowrra_running)",
        "by_task": f"{sql.TABLE} FORCE INDEX (flowrra_task)",
        "by_queue": f"{sql.TABLE} FORCE INDEX (flowrra_queue)",
        "by_id": f"{sql.TABLE} FORCE INDEX (PRIMARY)",
        "by_task_id": f"{sql.TABLE} FORCE INDEX (task_id)",
        "by_status": f"{sql.TABLE} FORCE INDEX (flowrra_status)",
        "by_finished": f"{sql.TABLE} FORCE INDEX (flowrra_finished)",
        "by_unindexed": f"{sql.TABLE} FORCE INDEX (flowrra_status)",
        "by_expiring": f"{sql.TABLE} FORCE INDEX (flowrra_expiring)",
        "not_indexed": "NOT indexed",
        "unindexed": "",
        "locked": "FOR UPDATE",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
        "worker_locked": "LOCK IN SHARE MODE",
        "moment": "%s",
        "unless_there": "ON DUPLICATE KEY UPDATE queue = queue",
    }
    asks_of_each_lane = False
    short_wait = "SET SESSION innodb_lock_wait_timeout = 2"  # of a worker's own connection
    own: ClassVar = {sql.QUEUES: mysql_sql.QUEUES}
    ask_time = "SELECT UTC_TIMESTAMP(6)"

    def of_lanes(
        self, template: str, lanes: Collection[Lane], *values: Any
    ) -> tuple[str, Mapping[str, Any]]:
        asked, made = mysql_sql.OF_LANES[template]
        numbered = list(enumerate(lanes))
        questions = [
            self.render(question, of_lane=f"queue = %(queue{n})s AND kind = %(kind{n})s")
            for question, (n, _) in product(asked, numbered)
        ]
        parameters = dict.fromkeys(["value"], *values)
        for n, lane in numbered:
            parameters |= {f"queue{n}": lane.queue, f"kind{n}": lane.kind.value}
        return made.format(answers=_union(questions)), parameters

    def first_of(
        self, cursor: CursorWrapper, lanes: Collection[Lane], limit: int, turns: Turns
    ) -> Query:
        """Return a query of so many jobs of each lane as are among the first of all lanes."""
        walks = list(product(mysql_sql.STATES, lanes))
        firsts = [
            self.render(mysql_sql.FIRST, walk=str(n), state=state, lane=str(n % len(lanes)))
            for n, (state, _) in enumerate(walks)
        ]
        parameters = [
            value
            for _, lane in walks
            for value in (*turns.get(lane, (0.0, 0.0)), lane.queue, lane.kind.value, limit)
        ]
        first_of_all = mysql_sql.FIRST_BY_TURN if turns else mysql_sql.FIRST_OF_ALL
        cursor.execute(first_of_all.format(walks=_union(firsts)), [*parameters, limit])
        shares = Counter(row[0] for row in cursor.fetchall())
        rows = _union([self.render(mysql_sql.SHARE, state=walks[n][0]) for n in shares])
        return Query(rows, _parameters((walks[n][1], share) for n, share in shares.items()))

    def fronts(self, cursor: CursorWrapper, lanes: Collection[Lane]) -> list[str]:
        """Jump from priority to priority: by a grouping, all that waits would be gone through."""
        found: list[str] = []
        below = dict.fromkeys(lanes, LARGEST)
        for _ in range(MOST_FRONTS):
            firsts = self._next_fronts(cursor, below) if below else {}
            found += [task_id for _, task_id in firsts.values()]
            below = {lane: priority - 1 for lane, (priority, _) in firsts.items()}
        return found

    def _next_fronts(
        self, cursor: CursorWrapper, below: Mapping[Lane, int]
    ) -> dict[Lane, tuple[int, str]]:
        """Return of each lane its first job of the highest priority number up to the given one."""
        lanes = list(below)
        walks = list(product(mysql_sql.STATES, enumerate(lanes)))
        nexts = [self.render(mysql_sql.NEXT_FRONT, state=s, lane=str(n)) for s, (n, _) in walks]
        parameters = [
            value
            for _, (_, lane) in walks
            for value in (*(lane.queue, lane.kind.value) * 2, below[lane])
        ]
        cursor.execute(_union(nexts), parameters)
        rows = sorted(cursor.fetchall(), key=lambda row: (row[1], -row[2]))  # the first one last
        return {lanes[n]: (priority, task_id) for n, priority, _, task_id in rows}

    def claim(self, cursor: CursorWrapper, worker_id: str, now: datetime, rows: Query) -> Rows:
        cursor.execute(self.render(sql.ENLISTED), [worker_id])
        if not cursor.fetchone():
            return []
        ids = self._ids(cursor, *rows)
        if not ids:
            return []
        self._by_id(cursor, CLAIM, [worker_id, self.parameter(now)], ids)
        self._by_id(cursor, f"SELECT {sql.CLAIMED_COLUMNS} FROM {{by_id}}", [], ids)
        return list(cursor.fetchall())

    def insert(self, cursor: CursorWrapper, row: Sequence[Any]) -> int:
        cursor.execute(self.render(sql.INSERT), row)
        return int(cursor.lastrowid)

    def write(self, cursor: CursorWrapper, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        if statement in mysql_sql.INSERTS:
            if statement is sql.INSERT_UNIQUE:
                rows = self._without_duplicates(cursor, rows)
            constants = (*mysql_sql.CONSTANTS, not self.is_indexed_elsewhere)
            insert = self.render(mysql_sql.INSERTS[statement])
            cursor.executemany(insert, [(*row, *constants) for row in rows])
            return len(rows)
        together = mysql_sql.TOGETHER.get(statement)
        if together and len(rows) > 1 and _chars(rows) <= AT_ONCE_CHARS:
            row, all_rows = together
            union = " UNION ALL ".join([row] * len(rows))
            cursor.execute(all_rows.format(rows=union), [value for row in rows for value in row])
            return int(cursor.rowcount)
        return super().write(cursor, statement, rows)

    def change(
        self, cursor: CursorWrapper, change: sql.Change, values: Sequence[Any], ids: Sequence[str]
    ) -> Rows:
        where = self.render(sql.CHANGEABLE, ids=placeholders(ids), states=quoted(change.states))
        rows = self._locked(cursor, change.columns, where, ids)
        update = f"UPDATE {{by_id}} SET {change.assignments}"
        self._by_id(cursor, update, values, [row[0] for row in rows])
        return [row[1:] for row in rows]

    def delete(
        self, cursor: CursorWrapper, ids: Sequence[str], states: Collection[TaskStatus]
    ) -> Rows:
        where = self.render(sql.CHANGEABLE, ids=placeholders(ids), states=quoted(states))
        rows = self._locked(cursor, "task_id", where, ids)
        self._delete(cursor, [row[0] for row in rows])
        return [row[1:] for row in rows]

    def promote(self, cursor: CursorWrapper, lanes: Collection[Lane], limit: int) -> None:
        promotable, now = self.render(sql.PROMOTABLE), self.moment()
        for lane in lanes:
            ids = self._ids(cursor, promotable, [now, lane.queue, lane.kind.value, limit])
            self._by_id(cursor, "UPDATE {by_id} SET due_at = NULL", [], ids)

    def prune(self, cursor: CursorWrapper, before: Any, limit: int) -> int:
        ids = self._ids(cursor, self.render(sql.PRUNABLE), [before, limit])
        self._delete(cursor, ids)
        return len(ids)

    @contextmanager
    def writing(self) -> Iterator[CursorWrapper]:
        """Give a cursor inside a transaction, or inside the caller's as a part of that.

        One of its own locks the rows that it changes, and not the gaps between them, into which
        others want to insert, whatever the level of the connection.
        """
        connection = self.connection
        if not connection.in_atomic_block:
            with self.reading() as cursor:
                if connection.isolation_level != "read committed":  # known once it is connected
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        with super().writing() as cursor:
            yield cursor

    @contextmanager
    def mending(self) -> Iterator[None]:
        """Do the same, and send nothing that the server would hang up on."""
        with super().mending(), self.connection.execute_wrapper(refuse_too_large):
            yield

    def is_busy(self, error: Exception) -> bool:
        return _code(error) in BUSY

    def is_deadlock(self, error: Exception) -> bool:
        return _code(error) == DEADLOCK

    def is_outage(self, error: Exception) -> bool:
        if isinstance(error, InterfaceError):
            return True
        code = _code(error)
        return code in PASSING or (code in CLIENT_ERRORS and code != TOO_LARGE)

    def holders(self, cursor: CursorWrapper, keys: set[str]) -> dict[str, str]:
        """Return who has the keys; what is not seen, with a lock, since it may just be new."""
        seen = self._seen_holders(cursor, keys)
        left = keys - seen.keys()
        return seen | self.look_up(cursor, mysql_sql.LOCKED_HOLDERS, left) if left else seen

    def _seen_holders(self, cursor: CursorWrapper, keys: set[str]) -> dict[str, str]:
        """Return who has the keys, without a lock, as far as that does not show a past state."""
        is_current = self.connection.isolation_level == "read committed"
        return super().holders(cursor, keys) if is_current else {}

    def _without_duplicates(
        self, cursor: CursorWrapper, rows: Sequence[Sequence[Any]]
    ) -> list[Sequence[Any]]:
        """Leave out what can be seen to be one: its insert would lock the first, and hold it up."""
        seen = self._seen_holders(cursor, {row[KEY] for row in rows if row[KEY] is not None})
        return [row for row in rows if row[KEY] not in seen]

    def _locked(
        self, cursor: CursorWrapper, columns: str, where: str, parameters: Sequence[Any]
    ) -> Rows:
        """Lock named rows; return their ids, each with its columns."""
        select = self.render(f"SELECT id, {columns} FROM {{by_task_id}}")
        cursor.execute(f"{select} WHERE {where} FOR UPDATE", parameters)
        return list(cursor.fetchall())

    def _ids(self, cursor: CursorWrapper, query: str, parameters: Sequence[Any]) -> list[int]:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()]

    def _by_id(
        self, cursor: CursorWrapper, statement: str, values: Sequence[Any], ids: Sequence[int]
    ) -> None:
        """Execute a statement for the rows with these ids."""
        if ids:
            among = self.render(f"{statement} WHERE id IN ({placeholders(ids)})")
            cursor.execute(among, [*values, *ids])

    def _delete(self, cursor: CursorWrapper, ids: Sequence[int]) -> None:
        if ids:
            named = " UNION ALL ".join(["SELECT %s AS id"] * len(ids))
            cursor.execute(mysql_sql.DELETE_ALL.format(ids=named), ids)


def _union(queries: Sequence[str]) -> str:
    return " UNION ALL ".join(f"({query})" for query in queries or [mysql_sql.NOTHING])


def _parameters(walks: Iterator[tuple[Lane, int]]) -> list[Any]:
    return [value for lane, limit in walks for value in (lane.queue, lane.kind.value, limit)]


def _chars(rows: Sequence[Sequence[Any]]) -> int:
    return sum(len(value) for row in rows for value in row if isinstance(value, str))


def _code(error: Exception) -> int:
    """Return the number of an error of the server or the driver; 0 for any other."""
    code = error.args[0] if isinstance(error, DatabaseError) and error.args else 0
    return code if isinstance(code, int) else 0
