"""What the admin asks of the table: answered from indexes alone, however many jobs it holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ...results import TaskStatus
from . import sql
from .engines import engine_of
from .selecting import last_key, walk
from .walks import SIZE, Condition, Statement, parameters_of, walks_of
from .wanted import ID, Span, Wanted

WINDOW = 10_000

LATEST = "{ids} ORDER BY finished_at DESC LIMIT %s"
NEXT = f"SELECT id, submitted_at FROM {sql.TABLE} WHERE id >= %s ORDER BY id LIMIT 1"

# Parameters: those of the checks, and those of the ids. For EXISTS, PostgreSQL may first find all
# the jobs that meet a condition.
CHECKED = "SELECT id, {checks} FROM ({ids}) AS seen"
CHECK = "({ids} AND id = seen.id) IS NOT NULL"


class Found(NamedTuple):
    """Primary keys, the newest first; whether there are more, and whether some were not looked at.

    Some are not where many jobs fit each of several conditions: then only the newest WINDOW of
    those that fit the first two are looked through for the others.
    """

    ids: list[int]
    has_more: bool
    is_windowed: bool = False


class Ended(NamedTuple):
    """How a job ended, and how long its last attempt ran; None for one that never started."""

    status: str
    ran: timedelta | None


class Count(NamedTuple):
    """How many jobs fit, as far as they were counted; whether there may be more."""

    number: int
    is_more: bool


def newest(alias: str, wanted: Wanted, limit: int) -> Found:
    """Find the newest jobs that fit, up to `limit` of them."""
    if wanted.names == ():
        return Found([], has_more=False)
    span = _span(alias, wanted)
    walked, checked = _planned(alias, wanted.walks(span))
    checked += wanted.checks()
    if wanted.is_of_an_end:
        if not _is_narrow(alias, walked):
            return _last_ended(alias, wanted, span, [*walked, *checked], limit)
        checked.append(wanted.ended(engine_of(alias)))
    if checked:
        return _checked(alias, walks_of(alias).newest(walked, WINDOW + 1), checked, limit)
    found = [row[0] for row in _rows(alias, *walks_of(alias).newest(walked, limit + 1))]
    return Found(found[:limit], has_more=len(found) > limit)


def count(alias: str, wanted: Wanted, states: Collection[TaskStatus], limit: int) -> Count:
    """Count the jobs that fit and are in one of some states, up to `limit`."""
    number, is_more = 0, False
    for state in states:
        if wanted.status in {None, state} and number < limit:
            found = newest(alias, replace(wanted, status=state), limit - number)
            number += len(found.ids)
            is_more |= found.has_more or found.is_windowed
    return Count(number, is_more or number >= limit)


def as_of_now(alias: str, wanted: Wanted) -> Wanted:
    """Return the same, but for what comes, or ends, after now."""
    engine = engine_of(alias)
    return replace(wanted, last=last_key(engine), seen_at=engine.clock())


def every(alias: str, wanted: Wanted, states: Collection[TaskStatus]) -> Iterator[list[str]]:
    """Yield the ids of all jobs that fit, in one of some states as their turn comes, once each.

    In the order of arrival, some at a time; nothing is locked, nor held open in between.
    """
    if wanted.names == ():
        return
    if wanted.task_id is not None:
        if newest(alias, wanted, 1).ids:
            yield [wanted.task_id]
        return
    engine, span = engine_of(alias), _span(alias, wanted)
    stops = [stop for stop in (span.stop, wanted.last and wanted.last + 1) if stop is not None]
    until = min(stops, default=last_key(engine) + 1) - 1
    checks, clauses = wanted.asked_in_steps(engine, states)
    yield from walk(engine, checks, clauses, max(0, span.start - 1), until)


def values(alias: str, column: str, prefix: str, limit: int) -> list[str]:
    """Return up to `limit` distinct values of a column that is first in an index."""
    statement = walks_of(alias).values.format(column=column)
    prefixes = [prefix] * (statement.count("%s") - 1)
    return [row[0] for row in _rows(alias, statement, [*prefixes, limit])]


def arrived(alias: str, queues: Iterable[str], since: datetime) -> dict[str, int]:
    """Return how many jobs of each queue were submitted since then; it counts to over WINDOW."""
    oldest = _oldest(alias, since)
    return {
        queue: count
        for statement, parameters in walks_of(alias).arrivals([*queues], oldest, WINDOW + 1)
        for queue, count in _rows(alias, statement, parameters)
    }


def ended_of_tasks(alias: str, names: Sequence[str], limit: int) -> dict[str, list[Ended]]:
    """Return how the newest jobs of each task ended, of the newest `limit` those that have."""
    engine = engine_of(alias)
    found: dict[str, list[Ended]] = {name: [] for name in names}
    for statement, parameters in walks_of(alias).of_tasks(names, limit):
        for name, status, start, end in _rows(alias, statement, parameters):
            if end:
                ran = engine.read_moment(end) - engine.read_moment(start) if start else None
                found[name].append(Ended(status, ran))
    return found


def _planned(alias: str, conditions: list[Condition]) -> tuple[list[Condition], list[Condition]]:
    """Say which conditions to walk along, and which to check on the way.

    One that few jobs fit is enough to walk along; else it is two, and their walks are merged. A
    union that many jobs fit is checked: its parts cost too much to merge where few fit the rest.
    """
    if len(conditions) < 2 or conditions[0].asked == ID:
        return conditions[:1], conditions[1:]
    sizes = {condition: _size(alias, condition) for condition in conditions}
    walkable = [each for each in conditions if sizes[each] <= WINDOW or not each.is_union]
    walkable.sort(key=sizes.__getitem__)
    walked = walkable[:1] if sizes[walkable[0]] <= WINDOW else walkable[:2]
    return walked, [each for each in conditions if each not in walked]


def _last_ended(
    alias: str, wanted: Wanted, span: Span, checked: list[Condition], limit: int
) -> Found:
    """Look through those that ended last within the time that is asked for."""
    ended = wanted.ended(engine_of(alias), "{by_finished}", span)
    window = Statement(LATEST.format(ids=ended.part), [*ended.parameters, WINDOW + 1])
    return _checked(alias, window, checked, limit)


def _is_narrow(alias: str, walked: list[Condition]) -> bool:
    """Whether the jobs that are walked along can all be looked at."""
    return bool(walked) and (walked[0].asked == ID or _size(alias, walked[0]) <= WINDOW)


def _span(alias: str, wanted: Wanted) -> Span:
    """Return the keys of the jobs that were submitted within the time that is asked for."""
    start = 0 if wanted.since is None else _oldest(alias, wanted.since)
    return Span(start, None if wanted.until is None else _oldest(alias, wanted.until))


def _oldest(alias: str, since: datetime) -> int:
    """Return the key from which on jobs were submitted since then, found by halving."""
    engine = engine_of(alias)
    low, high = 0, last_key(engine) + 1
    while low < high:
        middle = (low + high) // 2
        rows = _rows(alias, NEXT, [middle])
        if rows and engine.read_moment(rows[0][1]) < since:
            low = int(rows[0][0]) + 1
        else:
            high = middle
    return low


def _size(alias: str, condition: Condition) -> int:
    """Count the jobs that fit, but no further than one over WINDOW."""
    count, size = SIZE.format(ids=condition.part), 0
    for parameter in condition.parameters:
        if size <= WINDOW:
            size += int(_rows(alias, count, [parameter, WINDOW + 1 - size])[0][0])
    return size


def _checked(alias: str, window: Statement, checked: list[Condition], limit: int) -> Found:
    """Look through a window, of up to one over WINDOW jobs, for those that fit the conditions."""
    ids, parameters = window
    checks = " AND ".join(CHECK.format(ids=condition.check) for condition in checked) or "1 = 1"
    statement = CHECKED.format(ids=ids, checks=checks)
    seen = _rows(alias, statement, [*parameters_of(checked), *parameters])
    found = sorted((pk for pk, fits in seen if fits), reverse=True)
    return Found(found[:limit], len(found) > limit, len(seen) > WINDOW)


def _rows(alias: str, statement: str, parameters: Sequence[Any]) -> list[Any]:
    engine = engine_of(alias)
    with engine.reading() as cursor:
        cursor.execute(engine.render(statement), parameters)
        return list(cursor.fetchall())
