"""Jobs chosen by what they are like: a step of the table at a time, in the order of arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ..selection import Selection
from . import sql
from .engine import Engine, placeholders
from .walks import SIZE, Condition

STEP = 10_000  # so many jobs are looked at in one statement

LAST = f"SELECT max(id) FROM {sql.TABLE}"

# Where a step ends; parameters: those of the walk, after which id, how many.
END = """
SELECT max(id) FROM (SELECT id FROM {walked} {where} id > %s ORDER BY id LIMIT %s) AS step
"""
# Which of a step fit; parameters: those of the walk, after which id, up to which, of the checks.
FITTING = "SELECT task_id FROM {walked} {where} id > %s AND id <= %s {checks} ORDER BY id"

EVERY = Condition("{by_id}", "", ())


class Clause(NamedTuple):
    """What else is asked of each job of a step, with its parameters."""

    asked: str
    parameters: Sequence[Any]


class Check(NamedTuple):
    """What a column of each job of a step may be."""

    column: str
    values: Collection[Any]

    @property
    def condition(self) -> Condition | None:
        """How to walk along those that meet it; None if no index has them in their order."""
        if len(self.values) != 1 or self.column not in INDEXES:
            return None
        return Condition(INDEXES[self.column], f"{self.column} = %s", tuple(self.values))

    @property
    def clause(self) -> Clause:
        return Clause(f"{self.column} IN ({placeholders(self.values)})", [*self.values])


INDEXES = {"task_name": "{by_task}", "queue": "{by_queue}", "status": "{by_status}"}


def selected(engine: Engine, selection: Selection) -> Iterator[list[str]]:
    """Yield the ids of the jobs that fit, of those that there are now; each job once.

    What comes of a step is read before it is yielded: nothing stays open in between.
    """
    checks = [
        Check(column, values)
        for column, values in (
            ("task_name", selection.tasks),
            ("queue", selection.queues),
            ("status", [status.value for status in selection.statuses]),
        )
        if values is not None
    ]
    age = selection.older_than
    clauses = [] if age is None else [Clause("submitted_at < %s", [engine.moment(-age)])]
    yield from walk(engine, checks, clauses, 0, last_key(engine))


def walk(
    engine: Engine, checks: list[Check], clauses: list[Clause], after: int, until: int
) -> Iterator[list[str]]:
    """Yield the ids of the jobs with keys after one and up to another that meet what is asked."""
    if any(not check.values for check in checks):
        return
    along = _narrowest(engine, checks)
    for step in pairwise(_steps(engine, along, after, until)):
        ids = _fitting(engine, along, checks, clauses, step)
        if ids:
            yield ids


def last_key(engine: Engine) -> int:
    """Return the key of the job that came last; 0 without any."""
    return int(_value(engine, LAST, []) or 0)


def _narrowest(engine: Engine, checks: list[Check]) -> Condition:
    """Return what to walk along: what the fewest jobs meet, counted up to a step."""
    conditions = [c for check in checks if (c := check.condition)]
    if len(conditions) == 1:
        return conditions[0]
    return min(conditions, key=lambda condition: _size(engine, condition), default=EVERY)


def _size(engine: Engine, condition: Condition) -> int:
    return int(_value(engine, SIZE.format(ids=condition.part), [*condition.parameters, STEP]))


def _steps(engine: Engine, walked: Condition, reached: int, last: int) -> Iterator[int]:
    """Yield the ids between which the steps lie."""
    yield reached
    where = END.format(walked=walked.table, where=_where(walked))
    while reached < last:
        reached = _value(engine, where, [*walked.parameters, reached, STEP]) or last
        reached = min(reached, last)
        yield reached


def _fitting(
    engine: Engine,
    walked: Condition,
    checks: list[Check],
    clauses: list[Clause],
    step: tuple[int, int],
) -> list[str]:
    others = [check.clause for check in checks if check.condition != walked] + clauses
    parameters = [*walked.parameters, *step, *(value for c in others for value in c.parameters)]
    asked = " ".join(f"AND {clause.asked}" for clause in others)
    statement = FITTING.format(walked=walked.table, where=_where(walked), checks=asked)
    with engine.reading() as cursor:
        cursor.execute(engine.render(statement), parameters)
        return [row[0] for row in cursor.fetchall()]


def _where(walked: Condition) -> str:
    return f"WHERE {walked.asked} AND" if walked.asked else "WHERE"


def _value(engine: Engine, statement: str, parameters: list[Any]) -> Any:
    with engine.reading() as cursor:
        cursor.execute(engine.render(statement), parameters)
        return cursor.fetchone()[0]
