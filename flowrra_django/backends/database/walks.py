"""Statements that go through jobs in the order of their arrival, by an index on a property."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import orjson

from . import sql
from .engine import placeholders
from .engines import engine_of

ANY = f"SELECT id FROM {sql.TABLE}"
NAMED = f"{ANY} WHERE {{unindexed}}task_name IN "

# Parameters: those of the ids, and how many.
NEWEST = "{ids} ORDER BY id DESC LIMIT %s"
SIZE = "SELECT count(*) FROM ({ids} LIMIT %s) AS counted"

# The distinct values of an indexed column that begin with a prefix, by jumping from one to the
# next. Parameters: the prefix, as often as it is asked for, and how many.
VALUES = f"""
WITH RECURSIVE found(value) AS (
    SELECT min({{column}}) FROM {sql.TABLE} WHERE {{column}} >= %s UNION ALL
    SELECT (SELECT min({{column}}) FROM {sql.TABLE} WHERE {{column}} > found.value)
    FROM found WHERE substr(found.value, 1, length(%s)) = %s
)
SELECT value FROM found WHERE substr(value, 1, length(%s)) = %s LIMIT %s
"""
# The newest jobs of each of some tasks. Parameters: the names as JSON, how many.
OF_EACH = f"""
SELECT task_name, status, started_at, finished_at
FROM {{{{names}}}} CROSS JOIN {sql.TABLE} AS job ON job.id IN (
    SELECT id FROM {{by_task}} WHERE task_name = value ORDER BY id DESC LIMIT %s
)
"""
# Of a name that is equal, PostgreSQL may go back through the whole table; of one in a range, only
# this index has the order that is asked for.
OF_EACH_LATERAL = f"""
SELECT job.* FROM {{{{names}}}} CROSS JOIN LATERAL (
    SELECT task_name, status, started_at, finished_at FROM {sql.TABLE}
    WHERE task_name BETWEEN value AND value ORDER BY task_name DESC, id DESC LIMIT %s
) AS job
"""
# How many jobs of each of some queues came. Parameters: the first id, how many, names as JSON.
ARRIVALS = """
SELECT value, (
    SELECT count(*) FROM (
        SELECT 1 FROM {by_queue} WHERE queue = value AND id >= %s LIMIT %s
    ) AS counted
) FROM {{names}}
"""
ARRIVED = """
SELECT %s, count(*) FROM (
    SELECT 1 FROM {by_queue} WHERE queue = %s AND id >= %s LIMIT %s
) AS counted
"""
OF_TASK = """
SELECT task_name, status, started_at, finished_at FROM {by_task}
WHERE task_name = %s ORDER BY id DESC LIMIT %s
"""
# MySQL jumps by itself to what is grouped by, and never for a minimum that depends on a row.
VALUES_BY_GROUP = f"""
SELECT {{column}} FROM {sql.TABLE}
WHERE {{column}} >= %s AND substr({{column}}, 1, char_length(%s)) = %s
GROUP BY {{column}} LIMIT %s
"""


class Statement(NamedTuple):
    """SQL in the words of `sql`, and its parameters."""

    template: str
    parameters: list[Any]


class Condition(NamedTuple):
    """What jobs are asked for, by which an index holds them in the order of their arrival.

    With several parameters it is met by any job that meets it with one of them, if it is no range.
    """

    table: str
    asked: str
    parameters: tuple[Any, ...]
    is_range: bool = False

    @property
    def is_union(self) -> bool:
        return len(self.parameters) > 1 and not self.is_range

    @property
    def part(self) -> str:
        """The ids of those that meet it with one parameter."""
        return f"SELECT id FROM {self.table} WHERE {self.asked}"

    @property
    def check(self) -> str:
        """What a single job is asked for."""
        return f"{NAMED}({placeholders(self.parameters)})" if self.is_union else self.part


class Walks:
    """As SQLite goes: walks through several indexes are merged on the way, and nothing is sorted.

    A row is read only to check its name among several.
    """

    values: ClassVar = VALUES
    of_each: ClassVar = OF_EACH
    names: ClassVar = "json_each(%s)"

    def newest(self, conditions: Sequence[Condition], limit: int) -> Statement:
        """Return a statement for the ids of the newest jobs that meet two conditions at most.

        A union comes alone.
        """
        ids = " INTERSECT ".join(
            " UNION ALL ".join([condition.part] * len(condition.parameters))
            for condition in conditions
        )
        return Statement(NEWEST.format(ids=ids or ANY), [*parameters_of(conditions), limit])

    def of_tasks(self, names: Sequence[str], limit: int) -> list[Statement]:
        """Return statements for how the newest jobs of each task stand.

        They give its name, state, start and end.
        """
        statement = self.of_each.replace("{{names}}", self.names)
        return [Statement(statement, [_as_json(names), limit])]

    def arrivals(self, queues: Sequence[str], oldest: int, limit: int) -> list[Statement]:
        """Return statements for how many jobs of each queue came from an id on: name and count."""
        statement = ARRIVALS.replace("{{names}}", self.names)
        return [Statement(statement, [oldest, limit, _as_json(queues)])]


class ServerWalks(Walks):
    """As servers go, which would read whole indexes to intersect them: they join them.

    Each part of a union is gone through on its own, as far as the limit.
    """

    of_each: ClassVar = OF_EACH_LATERAL
    names: ClassVar = "json_array_elements_text(CAST(%s AS json)) AS names (value)"
    join: ClassVar = "SELECT one.id FROM ({}) AS one JOIN ({}) AS two ON one.id = two.id"

    def newest(self, conditions: Sequence[Condition], limit: int) -> Statement:
        match [*conditions]:
            case [one, two]:
                ids = self.join.format(one.part, two.part)
                statement = f"{ids} ORDER BY one.id DESC LIMIT %s"
                return Statement(statement, [*parameters_of(conditions), limit])
            case [union] if union.is_union:
                return self._merged(union, limit)
            case _:
                return super().newest(conditions, limit)

    def _merged(self, union: Condition, limit: int) -> Statement:
        part = NEWEST.format(ids=union.part)
        ids = " UNION ALL ".join([f"({part})"] * len(union.parameters))
        limited = [value for parameter in union.parameters for value in (parameter, limit)]
        return Statement(NEWEST.format(ids=ids), [*limited, limit])


class MySQLWalks(ServerWalks):
    """As MySQL and MariaDB go, which have to be told with which index to begin."""

    values: ClassVar = VALUES_BY_GROUP
    join: ClassVar = ServerWalks.join.replace("SELECT", "SELECT STRAIGHT_JOIN")

    def of_tasks(self, names: Sequence[str], limit: int) -> list[Statement]:
        return [Statement(OF_TASK, [name, limit]) for name in names]

    def arrivals(self, queues: Sequence[str], oldest: int, limit: int) -> list[Statement]:
        return [Statement(ARRIVED, [queue, queue, oldest, limit]) for queue in queues]


KINDS: dict[str, type[Walks]] = {"postgresql": ServerWalks, "mysql": MySQLWalks}


def walks_of(alias: str) -> Walks:
    """Return how the database of an alias goes through jobs."""
    return KINDS.get(engine_of(alias).connection.vendor, Walks)()


def parameters_of(conditions: Sequence[Condition]) -> list[str | int]:
    return [value for condition in conditions for value in condition.parameters]


def _as_json(names: Sequence[str]) -> str:
    return orjson.dumps(names).decode()
