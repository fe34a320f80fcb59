"""Batches of fenced writes: each row counts only if the worker still holds that claim."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper

from ...job import Job
from ...results import TaskStatus
from ...retry import Release, Settlement
from ..answers import Settled
from . import sql
from .engine import Engine, placeholders
from .entries import waiting_among_rows


class Trace(NamedTuple):
    """What an accepted write leaves in its record, and nothing else would."""

    claim: int
    attempts: int
    history: str


@contextmanager
def settling(engine: Engine) -> Iterator[CursorWrapper]:
    """Do as `Engine.writing`, for a worker: it does not wait long for locked rows."""
    is_own = not engine.connection.in_atomic_block
    with engine.writing() as cursor:
        if engine.short_wait and is_own:
            cursor.execute(engine.short_wait)
        yield cursor


def locked_among(engine: Engine, jobs: Collection[Job]) -> set[str]:
    """Return the ids of those whose rows cannot be had at once."""
    if not jobs or not engine.short_wait:
        return set()
    ids = {job.sequence: job.task_id for job in jobs}
    there = f"SELECT id FROM {sql.TABLE} WHERE id IN ({placeholders(ids)})"
    with engine.writing() as cursor:
        cursor.execute(there, [*ids])
        rows = {row[0] for row in cursor.fetchall()}
        cursor.execute(engine.render(f"{there} {{skip_locked}}"), [*ids])
        rows -= {row[0] for row in cursor.fetchall()}
    return {ids[row] for row in rows}


def write_settlements(
    engine: Engine, cursor: CursorWrapper, worker_id: str, settlements: Sequence[Settlement]
) -> Settled:
    """Write outcomes inside the caller's transaction, in the order in which others lock rows."""
    settlements = sorted(settlements, key=_sequence)
    again = [s for s in settlements if s.status is TaskStatus.RETRYING]
    stopped = [s for s in settlements if s.status is TaskStatus.CANCELLED]
    final = [s for s in settlements if s.status not in {TaskStatus.RETRYING, TaskStatus.CANCELLED}]
    now = engine.moment()
    written = engine.write(cursor, sql.FINISH, [_finish_row(now, worker_id, s) for s in final])
    written += engine.write(cursor, sql.AGAIN, [_again_row(engine, worker_id, s) for s in again])
    written += engine.write(
        cursor,
        sql.STOPPED,
        [(s.was_stopped, *_finish_row(now, worker_id, s)) for s in stopped],
    )
    traces = {s.job.task_id: _trace_of_settlement(s) for s in settlements}
    accepted = _accepted(cursor, written, traces)
    return _settled(engine, cursor, accepted, [s.job for s in again])


def write_releases(
    engine: Engine, cursor: CursorWrapper, worker_id: str, releases: Sequence[Release]
) -> Settled:
    """Give claims back inside the caller's transaction."""
    rows = [_release_row(engine, worker_id, r) for r in sorted(releases, key=_sequence)]
    written = engine.write(cursor, sql.RELEASE, rows)
    traces = {r.job.task_id: _trace_of_release(r.job) for r in releases}
    accepted = _accepted(cursor, written, traces)
    return _settled(engine, cursor, accepted, [r.job for r in releases])


def _sequence(item: Settlement | Release) -> int:
    return item.job.sequence


def _accepted(cursor: CursorWrapper, written: int, traces: dict[str, Trace]) -> set[str]:
    """Return the ids whose write counted: now, or earlier with its reply lost on the way."""
    if written == len(traces):
        return set(traces)
    ids = list(traces)
    cursor.execute(
        f"SELECT task_id, claim, attempts, history FROM {sql.TABLE} "
        f"WHERE task_id IN ({placeholders(ids)}) AND status <> 'running'",
        ids,
    )
    return {task_id for task_id, *trace in cursor.fetchall() if traces[task_id] == tuple(trace)}


def _settled(
    engine: Engine, cursor: CursorWrapper, accepted: set[str], again: Sequence[Job]
) -> Settled:
    """Say what waits again as the records have it, which is not always as it was written.

    A job may have been cancelled instead; and since a write that is sent again was made, time has
    passed, and the job may have been retried by hand.
    """
    rows = [job.sequence for job in again if job.task_id in accepted]
    return Settled(accepted, waiting_among_rows(engine, cursor, rows))


def _trace_of_settlement(settlement: Settlement) -> Trace:
    return Trace(settlement.job.claim, settlement.job.attempts, settlement.history)


def _trace_of_release(job: Job) -> Trace:
    return Trace(job.claim, job.attempts - 1, job.history)


def _finish_row(now: Any, worker_id: str, settlement: Settlement) -> tuple[Any, ...]:
    return (
        settlement.status.value,
        settlement.result,
        *_texts(settlement),
        settlement.failures,
        settlement.crashes,
        settlement.history,
        now,
        *holding(worker_id, settlement.job),
    )


def _again_row(engine: Engine, worker_id: str, settlement: Settlement) -> tuple[Any, ...]:
    return (
        engine.moment(),
        _due(engine, settlement.delay),
        *_texts(settlement),
        settlement.failures,
        settlement.crashes,
        settlement.history,
        *holding(worker_id, settlement.job),
    )


def _release_row(engine: Engine, worker_id: str, release: Release) -> tuple[Any, ...]:
    return (
        engine.moment(),
        _due(engine, release.delay),
        (release.kind or release.job.kind).value,
        *holding(worker_id, release.job),
    )


def _texts(settlement: Settlement) -> tuple[str, str, str]:
    error = settlement.error
    return (error.message, error.type, error.traceback) if error else ("", "", "")


def holding(worker_id: str, job: Job) -> tuple[int, str, int]:
    """Return the parameters of HELD."""
    return job.sequence, worker_id, job.claim


def _due(engine: Engine, delay: float) -> Any:
    return engine.moment(delay) if delay > 0 else None
