"""What the admin asks of the table: answered from indexes alone, however many jobs it holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connections

from . import sql
from .engine import engine_of

WINDOW = 25_000
BATCH = 500

# The ids of the jobs that have a property, which an index holds in the order of their arrival. It
# is named since SQLite, where it has statistics, may rather read the whole table in that order.
WORKER = f"SELECT id FROM {sql.BY_WORKER} WHERE status = 'running' AND worker = %s"
TASK = f"SELECT id FROM {sql.TABLE} INDEXED BY flowrra_task WHERE task_name = %s"
QUEUE = f"SELECT id FROM {sql.TABLE} INDEXED BY flowrra_queue WHERE queue = %s"
STATUS = f"SELECT id FROM {sql.TABLE} INDEXED BY flowrra_status WHERE status = %s"
ANY = f"SELECT id FROM {sql.TABLE}"
TASKS = f"SELECT id FROM {sql.TABLE} WHERE +task_name IN ({{names}})"

# Parameters: those of the ids, and how many.
NEWEST = "{ids} ORDER BY id DESC LIMIT %s"
SIZE = "SELECT count(*) FROM ({ids} LIMIT %s) AS counted"
CHECKED = f"SELECT id FROM ({NEWEST}) AS seen WHERE {{checks}}"
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

    Where several conditions are to hold at once, only the newest WINDOW of the jobs that fit one
    of them, the narrowest, are looked through for the others.
    """

    ids: list[int]
    has_more: bool
    is_windowed: bool = False


class Condition(NamedTuple):
    """The jobs that fit it: as a walk in their order, and as what is asked of a single job."""

    walk: str
    check: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which jobs to find; None for any. `worker` is the one that runs them now."""

    names: tuple[str, ...] | None = None
    queue: str | None = None
    status: str | None = None
    worker: str | None = None

    def conditions(self) -> list[Condition]:
        """Return what is asked for; what is likely to be narrow comes first."""
        given = ((WORKER, self.worker), (QUEUE, self.queue), (STATUS, self.status))
        single = [Condition(ids, ids, (value,)) for ids, value in given if value is not None]
        return [*([] if self.names is None else [_named(self.names)]), *single]


def newest(alias: str, wanted: Wanted, limit: int) -> Found:
    """Find the newest jobs that fit, up to `limit` of them.

    The work is bounded, whatever the table holds: nothing is sorted, and no row is read but to
    check a name among several.
    """
    if wanted.names == ():
        return Found([], has_more=False)
    first, *others = conditions = wanted.conditions() or [Condition(ANY, ANY, ())]
    if others:
        return _among(alias, conditions, limit)
    statement = NEWEST.format(ids=first.walk)
    ids = _column(alias, statement, [*first.parameters, limit + 1])
    return Found(ids[:limit], has_more=len(ids) > limit)


def values(alias: str, column: str, prefix: str, limit: int) -> list[str]:
    """Return up to `limit` distinct values of a column that is first in an index."""
    statement = VALUES.format(column=column)
    return _column(alias, statement, [*[prefix] * 5, limit])


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


def _named(names: tuple[str, ...]) -> Condition:
    if len(names) == 1:
        return Condition(TASK, TASK, names)
    walk = " UNION ALL ".join([TASK] * len(names))
    return Condition(walk, TASKS.format(names=sql.placeholders(names)), names)


def _among(alias: str, conditions: Sequence[Condition], limit: int) -> Found:
    """Look through the newest of the jobs that fit the narrowest of several conditions."""
    sizes = [_size(alias, condition) for condition in conditions]
    narrowest = sizes.index(min(sizes))
    others = [each for at, each in enumerate(conditions) if at != narrowest]
    checks = " AND ".join(CHECK.format(ids=other.check) for other in others)
    parameters = [*conditions[narrowest].parameters, WINDOW]
    parameters += [value for other in others for value in other.parameters]
    statement = CHECKED.format(ids=conditions[narrowest].walk, checks=checks)
    ids = sorted(_column(alias, statement, parameters), reverse=True)
    return Found(ids[:limit], len(ids) > limit, sizes[narrowest] > WINDOW)


def _size(alias: str, condition: Condition) -> int:
    """Count the jobs that fit, but no further than one over WINDOW."""
    statement = SIZE.format(ids=condition.walk)
    return int(_column(alias, statement, [*condition.parameters, WINDOW + 1])[0])


def _column(alias: str, statement: str, parameters: Sequence[Any]) -> list[Any]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters)
        return [row[0] for row in cursor.fetchall()]
