"""Batches of fenced writes: each row counts only if the worker still holds that claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper

from ...job import Job, Lane
from ...results import TaskStatus
from ...retry import Release, Settlement
from ..base import Entry, Settled
from . import sql
from .engine import Sqlite


class Trace(NamedTuple):
    """What an accepted write leaves in its record, and nothing else would."""

    claim: int
    attempts: int
    history: str


def write_settlements(
    engine: Sqlite, cursor: CursorWrapper, worker_id: str, settlements: Sequence[Settlement]
) -> Settled:
    """Write outcomes inside the caller's transaction."""
    final = [s for s in settlements if s.status is not TaskStatus.RETRYING]
    again = [s for s in settlements if s.status is TaskStatus.RETRYING]
    written = _write(cursor, sql.FINISH, [_finish_row(engine, worker_id, s) for s in final])
    written += _write(cursor, sql.AGAIN, [_again_row(engine, worker_id, s) for s in again])
    traces = {s.job.task_id: _trace_of_settlement(s) for s in settlements}
    accepted = _accepted(cursor, written, traces)
    waiting = [entry_of(s.job, s.delay) for s in again if s.job.task_id in accepted]
    return Settled(accepted, _not_cancelled(cursor, waiting))


def write_releases(
    engine: Sqlite, cursor: CursorWrapper, worker_id: str, releases: Sequence[Release]
) -> Settled:
    """Give claims back inside the caller's transaction."""
    written = _write(cursor, sql.RELEASE, [_release_row(engine, worker_id, r) for r in releases])
    traces = {r.job.task_id: _trace_of_release(r.job) for r in releases}
    accepted = _accepted(cursor, written, traces)
    waiting = [_released_entry(r) for r in releases if r.job.task_id in accepted]
    return Settled(accepted, _not_cancelled(cursor, waiting))


def entry_of(job: Job, delay: float = 0.0) -> Entry:
    return Entry(job.task_id, job.lane, job.priority, job.sequence, delay)


def _write(cursor: CursorWrapper, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    if not rows:
        return 0
    cursor.executemany(statement, rows)
    return int(cursor.rowcount)


def _accepted(cursor: CursorWrapper, written: int, traces: dict[str, Trace]) -> set[str]:
    """Return the ids whose write counted: now, or earlier with its reply lost on the way."""
    if written == len(traces):
        return set(traces)
    ids = list(traces)
    cursor.execute(
        f"SELECT task_id, claim, attempts, history FROM {sql.TABLE} "
        f"WHERE task_id IN ({sql.placeholders(ids)}) AND status <> 'running'",
        ids,
    )
    return {task_id for task_id, *trace in cursor.fetchall() if traces[task_id] == tuple(trace)}


def _not_cancelled(cursor: CursorWrapper, entries: list[Entry]) -> list[Entry]:
    """Leave out the jobs that were cancelled instead of waiting again, as had been asked for."""
    if not entries:
        return []
    ids = [entry.sequence for entry in entries]
    cursor.execute(
        f"SELECT id FROM {sql.TABLE} WHERE id IN ({sql.placeholders(ids)}) AND {sql.STILL_WAITING}",
        ids,
    )
    waiting = {row[0] for row in cursor.fetchall()}
    return [entry for entry in entries if entry.sequence in waiting]


def _trace_of_settlement(settlement: Settlement) -> Trace:
    return Trace(settlement.job.claim, settlement.job.attempts, settlement.history)


def _trace_of_release(job: Job) -> Trace:
    return Trace(job.claim, job.attempts - 1, job.history)


def _released_entry(release: Release) -> Entry:
    job = release.job
    entry = entry_of(job, release.delay)
    return entry._replace(lane=Lane(job.queue, release.kind or job.kind))


def _finish_row(engine: Sqlite, worker_id: str, settlement: Settlement) -> tuple[Any, ...]:
    return (
        settlement.status.value,
        settlement.result,
        *_texts(settlement),
        settlement.failures,
        settlement.crashes,
        settlement.history,
        engine.moment(),
        *_holding(worker_id, settlement.job),
    )


def _again_row(engine: Sqlite, worker_id: str, settlement: Settlement) -> tuple[Any, ...]:
    return (
        engine.moment(),
        _due(engine, settlement.delay),
        *_texts(settlement),
        settlement.failures,
        settlement.crashes,
        settlement.history,
        *_holding(worker_id, settlement.job),
    )


def _release_row(engine: Sqlite, worker_id: str, release: Release) -> tuple[Any, ...]:
    return (
        engine.moment(),
        _due(engine, release.delay),
        (release.kind or release.job.kind).value,
        *_holding(worker_id, release.job),
    )


def _texts(settlement: Settlement) -> tuple[str, str, str]:
    error = settlement.error
    return (error.message, error.type, error.traceback) if error else ("", "", "")


def _holding(worker_id: str, job: Job) -> tuple[int, str, int]:
    return job.sequence, worker_id, job.claim


def _due(engine: Sqlite, delay: float) -> Any:
    return engine.moment(delay) if delay > 0 else None
