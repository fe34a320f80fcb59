"""What the admin asks of the table: answered from indexes alone, however many jobs it holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connections

from . import sql
from .engine import engine_of

WINDOW = 10_000
BATCH = 500

# The ids of the jobs that have a property, which an index holds in the order of their arrival. It
# is named since SQLite, where it has statistics, may rather read the whole table in that order.
JOB = f"SELECT id FROM {sql.TABLE} WHERE task_id = %s"
WORKER = f"SELECT id FROM {sql.BY_WORKER} WHERE status = 'running' AND worker = %s"
TASK = f"SELECT id FROM {sql.TABLE} INDEXED BY flowrra_task WHERE task_name = %s"
QUEUE = f"SELECT id FROM {sql.TABLE} INDEXED BY flowrra_queue WHERE queue = %s"
STATUS = f"SELECT id FROM {sql.TABLE} INDEXED BY flowrra_status WHERE status = %s"
ANY = f"SELECT id FROM {sql.TABLE}"
TASKS = f"SELECT id FROM {sql.TABLE} WHERE +task_name IN ({{names}})"

# Parameters: those of the ids, and how many.
NEWEST = "{ids} ORDER BY id DESC LIMIT %s"
SIZE = "SELECT count(*) FROM ({ids} LIMIT %s) AS counted"

# Parameters: those of the checks, those of the ids, and how many.
CHECKED = f"SELECT id, {{checks}} FROM ({NEWEST}) AS seen"
CHECK = "EXISTS ({ids} AND id = seen.id)"

# The distinct values of an indexed column that begin with a prefix, by jumping from one to the
# next. Parameters: the prefix, five times, and how many.
VALUES = f"""
WITH RECURSIVE found(value) AS (
    SELECT min({{column}}) FROM {sql.TABLE} WHERE {{column}} >= %s UNION ALL
    SELECT (SELECT min({{column}}) FROM {sql.TABLE} WHERE {{column}} > found.value)
    FROM found WHERE substr(found.value, 1, length(%s)) = %s
)
SELECT value FROM found WHERE substr(value, 1, length(%s)) = %s LIMIT %s
"""

# How many jobs a row of the workers' table runs.
RUNNING_OF_WORKER = f"""(
SELECT count(*) FROM {sql.BY_WORKER} WHERE status = 'running' AND worker = {sql.WORKERS}.worker_id
)"""

DELETE = f"""
DELETE FROM {sql.TABLE} WHERE task_id IN ({{ids}}) AND +status <> 'running' RETURNING task_id
"""


class Found(NamedTuple):
    """Primary keys, the newest first; whether there are more, and whether some were not looked at.

    Some are not where many jobs fit each of several conditions: then only the newest WINDOW of
    those that fit the first two are looked through for the others.
    """

    ids: list[int]
    has_more: bool
    is_windowed: bool = False


class Condition(NamedTuple):
    """The jobs that fit it: as a walk in their order, and as what is asked of a single job."""

    walk: str
    check: str
    parameters: tuple[str, ...]

    @property
    def is_union(self) -> bool:
        return len(self.parameters) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which jobs to find; None for any. `worker` is the one that runs them now."""

    task_id: str | None = None
    names: tuple[str, ...] | None = None
    queue: str | None = None
    status: str | None = None
    worker: str | None = None

    def conditions(self) -> list[Condition]:
        """Return what is asked for; what is likely to be narrow comes first."""
        given = (
            _single(JOB, self.task_id),
            _single(WORKER, self.worker),
            _named(self.names),
            _single(QUEUE, self.queue),
            _single(STATUS, self.status),
        )
        return [condition for condition in given if condition is not None]


def newest(alias: str, wanted: Wanted, limit: int) -> Found:
    """Find the newest jobs that fit, up to `limit` of them.

    Walks through two indexes, each in the order of arrival, are merged: nothing is sorted, and a
    row is read only to check its name among several.
    """
    if wanted.names == ():
        return Found([], has_more=False)
    walked, checked = _planned(alias, wanted.conditions())
    ids = " INTERSECT ".join(condition.walk for condition in walked) or ANY
    if checked:
        return _checked(alias, ids, _parameters(walked), checked, limit)
    found = [
        row[0] for row in _rows(alias, NEWEST.format(ids=ids), [*_parameters(walked), limit + 1])
    ]
    return Found(found[:limit], has_more=len(found) > limit)


def values(alias: str, column: str, prefix: str, limit: int) -> list[str]:
    """Return up to `limit` distinct values of a column that is first in an index."""
    statement = VALUES.format(column=column)
    return [row[0] for row in _rows(alias, statement, [*[prefix] * 5, limit])]


def delete(alias: str, task_ids: Collection[str]) -> set[str]:
    """Delete jobs, but for those that run; return the ids of those that were deleted."""
    ids = list(task_ids)
    deleted: set[str] = set()
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        with engine_of(alias).writing() as cursor:
            cursor.execute(DELETE.format(ids=sql.placeholders(batch)), batch)
            deleted.update(row[0] for row in cursor.fetchall())
    return deleted


def _single(ids: str, value: str | None) -> Condition | None:
    return None if value is None else Condition(ids, ids, (value,))


def _named(names: tuple[str, ...] | None) -> Condition | None:
    if names is None or len(names) == 1:
        return _single(TASK, names and names[0])
    walk = " UNION ALL ".join([TASK] * len(names))
    return Condition(walk, TASKS.format(names=sql.placeholders(names)), names)


def _planned(alias: str, conditions: list[Condition]) -> tuple[list[Condition], list[Condition]]:
    """Say which conditions to walk along, and which to check on the way.

    One that few jobs fit is enough to walk along; else it is two, and their walks are merged. A
    union that many jobs fit is checked: its parts cost too much to merge where few fit the rest.
    """
    if len(conditions) < 2 or conditions[0].walk == JOB:
        return conditions[:1], conditions[1:]
    sizes = {condition: _size(alias, condition) for condition in conditions}
    walkable = [each for each in conditions if sizes[each] <= WINDOW or not each.is_union]
    walkable.sort(key=sizes.__getitem__)
    walked = walkable[:1] if sizes[walkable[0]] <= WINDOW else walkable[:2]
    return walked, [each for each in conditions if each not in walked]


def _size(alias: str, condition: Condition) -> int:
    """Count the jobs that fit, but no further than one over WINDOW."""
    statement = SIZE.format(ids=condition.walk)
    return int(_rows(alias, statement, [*condition.parameters, WINDOW + 1])[0][0])


def _checked(
    alias: str, ids: str, parameters: list[str], checked: list[Condition], limit: int
) -> Found:
    """Look through the newest WINDOW of some jobs for those that fit the other conditions."""
    checks = " AND ".join(CHECK.format(ids=condition.check) for condition in checked)
    statement = CHECKED.format(ids=ids, checks=checks)
    seen = _rows(alias, statement, [*_parameters(checked), *parameters, WINDOW + 1])
    found = sorted((pk for pk, fits in seen if fits), reverse=True)
    return Found(found[:limit], len(found) > limit, len(seen) > WINDOW)


def _parameters(conditions: Sequence[Condition]) -> list[str]:
    return [value for condition in conditions for value in condition.parameters]


def _rows(alias: str, statement: str, parameters: Sequence[Any]) -> list[Any]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
