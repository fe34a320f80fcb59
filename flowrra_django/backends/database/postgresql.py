"""PostgreSQL: claims that pass over each other's rows, and notifications."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import orjson
from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.backends.utils import CursorWrapper

from ...job import Kind, Lane
from ...moments import IN_RANGE, moment_from
from . import sql
from .engine import BEFORE_ALL, Fronts, Look, Query, Rows, Turns
from .server import Server

# Serialization failure, deadlock, lock not available.
BUSY = frozenset({"40001", "40P01", "55P03"})
# Connection exceptions, insufficient resources, operator intervention; read-only, as a standby is.
PASSING = ("08", "53", "57", "25006")
DEADLOCK = "40P01"
STATEMENT_CANCELED = "57014"

LANES = """
WITH RECURSIVE lanes (
    lane_queue, lane_kind, lane_start, lane_step, front_priority, front_id
) AS (
    SELECT lane ->> 0, lane ->> 1, CAST(lane ->> 2 AS float), CAST(lane ->> 3 AS float),
        CAST(lane ->> 4 AS int), CAST(lane ->> 5 AS bigint)
    FROM json_array_elements(CAST(%s AS json)) AS lane
)
"""

# Asked for in the order of an index, and no more than are wanted, the jobs of each lane are found
# there: else all that waits might be gone through, or the whole table.
READY = f"SELECT task_id FROM {sql.TABLE} WHERE {sql.READY} AND {sql.OF_LANE} ORDER BY priority, id"
DELAYED = f"SELECT task_id FROM {sql.TABLE} WHERE due_at IS NOT NULL AND {sql.OF_LANE}"
WAITING_OF_LANES = f"""
SELECT task_id FROM lanes CROSS JOIN LATERAL ({READY} LIMIT %s) AS ready UNION ALL
SELECT task_id FROM lanes CROSS JOIN LATERAL ({DELAYED} ORDER BY due_at LIMIT %s) AS delayed
LIMIT %s
"""
DUE = f"{DELAYED} AND (due_at <= %s OR status = 'retrying') ORDER BY due_at"
WORK = f"""
SELECT 1 FROM lanes CROSS JOIN LATERAL ({READY} LIMIT 1) AS ready UNION ALL
SELECT 1 FROM lanes CROSS JOIN LATERAL ({DUE} LIMIT 1) AS due
LIMIT 1
"""
# Of an EXISTS, the planner may make a table of all that waits, to look each of its lanes up there.
PEEK = f"""
SELECT lane_queue, lane_kind, priority, id,
       (SELECT {{first_due_at}} FROM {{by_delayed}} WHERE due_at IS NOT NULL AND {sql.OF_LANE})
FROM lanes LEFT JOIN LATERAL (
    SELECT priority, id FROM {sql.TABLE} WHERE {sql.READY} AND {sql.OF_LANE}
    ORDER BY priority, id LIMIT 1
) AS front ON TRUE
"""
# Whoever changes many locks them in the order of their ids: else two might wait for each other.
IN_ORDER = (
    f"id {{among}} SELECT id FROM {sql.TABLE} WHERE {sql.CHANGEABLE} ORDER BY id {{locked}} {{end}}"
)
OWN = {
    sql.CHANGE: sql.CHANGE.replace(sql.CHANGEABLE, IN_ORDER),
    sql.DELETE: sql.DELETE.replace(sql.CHANGEABLE, IN_ORDER),
    sql.WAITING_OF_LANES: WAITING_OF_LANES,
    sql.DEPTH: f"SELECT count(*) FROM ({WAITING_OF_LANES}) AS waiting",
    sql.WORK: WORK,
}

# What was claimed since the last vacuum is still in the index, before what waits, and is passed by
# one entry after another: so the look, and nothing after it, begins where a lane does.
FROM_FRONT = f"{sql.READY} AND {sql.OF_LANE} AND (priority, id) >= (front_priority, front_id)"
# How many of the first of all lanes are in each, and then so many of each lane that nobody else is
# just claiming; parameters: lanes, limit, limit.
FIRST_OF_LANES = f"""
, firsts AS (
    SELECT lanes.* FROM lanes CROSS JOIN LATERAL (
        SELECT priority, id {{place}} FROM {sql.TABLE} WHERE {FROM_FRONT}
        ORDER BY priority, id LIMIT %s
    ) AS job
    ORDER BY {{turn}} priority, id LIMIT %s
), shares AS MATERIALIZED (
    SELECT lane_queue, lane_kind, front_priority, front_id, count(*) AS share FROM firsts
    GROUP BY lane_queue, lane_kind, front_priority, front_id
)
SELECT job.id FROM shares CROSS JOIN LATERAL (
    SELECT id FROM {sql.TABLE} WHERE {FROM_FRONT}
    ORDER BY priority, id LIMIT share FOR UPDATE SKIP LOCKED
) AS job
"""

PLACE = ", row_number() OVER (ORDER BY priority, id) - 1 AS place"
TURN = "lane_start + lane_step * place,"

# A batch goes as one statement, and as one JSON text: the driver takes longer to write arrays than
# the server to read this. What is inserted keeps its order.
NEW = (
    "task_id text, task_name text, queue text, kind text, priority int, args text, kwargs text, "
    "submitted_at timestamptz, run_after timestamptz, due_at timestamptz, max_crashes int, "
    "meta text, unique_key text, expires_at timestamptz"
)
INSERT_ALL = f"""
INSERT INTO {sql.TABLE} ({sql.INSERTED}) SELECT
    task_id, task_name, queue, kind, priority, 'pending', args, kwargs, '', '', '', '[]',
    submitted_at, run_after, due_at, '', 0, 0, 0, 0, max_crashes, FALSE, {{indexed}},
    meta::jsonb, unique_key, expires_at
FROM ROWS FROM (json_to_recordset(CAST(%s AS json)) AS ({NEW})) WITH ORDINALITY AS new
ORDER BY ordinality
"""
ENDED = (
    "status text, result text, error text, error_type text, traceback text, failures int, "
    "crashes int, history text, finished_at timestamptz, id bigint, worker text, claim int"
)
# A batch is joined by its ids alone: in the index of what runs, all that has run since the last
# vacuum is still to be found.
FINISH_ALL = f"""
UPDATE {sql.TABLE} AS job
SET status = ended.status, result = ended.result, error = ended.error,
    error_type = ended.error_type, traceback = ended.traceback, failures = ended.failures,
    crashes = ended.crashes, history = ended.history, finished_at = ended.finished_at,
    unique_key = NULL
FROM json_to_recordset(CAST(%s AS json)) AS ended ({ENDED})
WHERE job.id = ended.id AND '' || job.worker = ended.worker AND job.claim = ended.claim
  AND '' || job.status = 'running'
"""
TOLD = "progress text, log text, id bigint, worker text, claim int"
REPORT_ALL = f"""
UPDATE {sql.TABLE} AS job
SET progress = COALESCE(told.progress::jsonb, job.progress), log = COALESCE(told.log, job.log)
FROM json_to_recordset(CAST(%s AS json)) AS told ({TOLD})
WHERE job.id = told.id AND '' || job.worker = told.worker AND job.claim = told.claim
  AND '' || job.status = 'running'
"""
# As seconds since 1970, exact to the microsecond until 2242: Django reads a moment in ten times as
# long.
SECONDS = f"date_part('epoch', {IN_RANGE})"
IN_ONE = {  # the columns of a batch's rows, and the statement
    sql.INSERT: (NEW, INSERT_ALL),
    sql.INSERT_UNIQUE: (NEW, f"{INSERT_ALL} {{unless_there}}"),
    sql.FINISH: (ENDED, FINISH_ALL),
    sql.REPORT: (TOLD, REPORT_ALL),
}


class PostgreSQL(Server):
    """PostgreSQL 15 or later."""

    # An array of ids is made once; a subquery might be made again for each row. A worker's row is
    # locked so that it can still beat, and cannot be dismissed.
    pieces: ClassVar = {
        "by_ready": sql.TABLE,
        "by_delayed": sql.TABLE,
        "by_worker": sql.TABLE,
        "by_task": sql.TABLE,
        "by_queue": sql.TABLE,
        "by_id": sql.TABLE,
        "by_task_id": sql.TABLE,
        "by_status": sql.TABLE,
        "by_finished": sql.TABLE,
        "by_unindexed": sql.TABLE,
        "by_expiring": sql.TABLE,
        "not_indexed": "NOT indexed",
        "unindexed": "'' || ",
        "among": "= ANY (ARRAY (",
        "end": "))",
        "locked": "FOR UPDATE",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
        "worker_locked": "FOR KEY SHARE",
        "moment": "CAST(%s AS timestamptz)",
        "unless_there": "ON CONFLICT DO NOTHING",
    }
    moments: ClassVar = {name: SECONDS.format(column) for name, column in sql.MOMENTS.items()}
    own = OWN
    has_many_writers = True
    short_wait = "SET LOCAL lock_timeout = '2s'"
    lanes_table = LANES
    ask_time = "SELECT clock_timestamp() AT TIME ZONE 'UTC'"

    def of_lanes(
        self, template: str, lanes: Collection[Lane], *values: Any
    ) -> tuple[str, Sequence[Any]]:
        table, parameters = self.lanes(lanes)
        statement = self.render(template)  # which may have its one value in several places
        return table + statement, [*parameters, *values * statement.count("%s")]

    def peek(self, cursor: CursorWrapper, lanes: Collection[Lane]) -> Look:
        cursor.execute(*self.of_lanes(PEEK, lanes))
        rows = cursor.fetchall()
        fronts = {
            Lane(queue, Kind(kind)): (priority, sequence)
            for queue, kind, priority, sequence, _ in rows
            if sequence is not None
        }
        return Look(bool(fronts), [row[-1] for row in rows if row[-1] is not None], fronts)

    def first_of(
        self, cursor: CursorWrapper, lanes: Collection[Lane], limit: int, turns: Turns
    ) -> Query:
        return self.first_from(cursor, dict.fromkeys(lanes, BEFORE_ALL), limit, turns)

    def first_from(self, cursor: CursorWrapper, fronts: Fronts, limit: int, turns: Turns) -> Query:
        table, parameters = self.lanes(fronts, turns, fronts)
        place, turn = (PLACE, TURN) if turns else ("", "")
        firsts = FIRST_OF_LANES.format(place=place, turn=turn)
        return Query(table + firsts, [*parameters, limit, limit])

    def claim(self, cursor: CursorWrapper, worker_id: str, now: datetime, rows: Query) -> Rows:
        """Claim, without compiling the statement first.

        How many rows of a lane there will be is not known to the planner. It may think of so many
        that it compiles what takes a millisecond, for a quarter of a second.
        """
        cursor.execute("SET LOCAL jit = off")
        return super().claim(cursor, worker_id, now, rows)

    @contextmanager
    def reading_in_order(self) -> Iterator[CursorWrapper]:
        """Give a cursor whose statements go along an index for their order, and sort nothing.

        Of a table that has grown since it was analyzed, the planner may think that little fits
        and sort that: all of it, for each page of a walk.
        """
        with self.writing() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")
            yield cursor

    def write(self, cursor: CursorWrapper, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        if not rows or statement not in IN_ONE:
            return super().write(cursor, statement, rows)
        columns, in_one = IN_ONE[statement]
        cursor.execute(self.render(in_one), [_as_json(columns, rows)])
        return int(cursor.rowcount)

    def parameter(self, moment: Any) -> Any:
        """Return an aware moment as a parameter of a statement: as it is."""
        return moment

    def read_moments(self, values: Sequence[Any]) -> list[datetime]:
        """Return moments in UTC, from SECONDS or from datetimes; for none what is long past.

        Where USE_TZ is off, the ORM's are naive, in the session's zone.
        """
        return [
            datetime.fromtimestamp(value, UTC) if isinstance(value, float) else self._aware(value)
            for value in values
        ]

    def _aware(self, value: Any) -> datetime:
        moment = moment_from(value)
        zone = moment.tzinfo or ZoneInfo(self.connection.timezone_name)
        return moment.replace(tzinfo=zone).astimezone(UTC)

    def is_busy(self, error: Exception) -> bool:
        return _state(error) in BUSY

    def is_deadlock(self, error: Exception) -> bool:
        return _state(error) == DEADLOCK

    def is_outage(self, error: Exception) -> bool:
        state = _state(error)
        if state is None:  # it never came to the server, or nothing came back from there
            return isinstance(error, OperationalError | InterfaceError)
        return state.startswith(PASSING) and state != STATEMENT_CANCELED


def _as_json(columns: str, rows: Sequence[Sequence[Any]]) -> str:
    """Return the rows as `json_to_recordset` reads them; ValueError for a text that is none."""
    names = [column.split()[0] for column in columns.split(", ")]
    batch = [dict(zip(names, row, strict=True)) for row in rows]
    try:
        return orjson.dumps(batch).decode()
    except orjson.JSONEncodeError as error:  # a TypeError, and no other driver raises that
        raise ValueError(f"PostgreSQL cannot keep this: {error}") from error


def _state(error: Exception) -> str | None:
    """Return the SQLSTATE that the server sent, if it did."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return ""
    state: str | None = getattr(error.__cause__, "sqlstate", None)
    return state or getattr(error.__cause__, "pgcode", None)
