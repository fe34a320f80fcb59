"""What an index is told of jobs that wait."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper

from ...job import Job, Lane
from ..answers import Entry
from . import sql
from .engine import Engine, placeholders
from .rows import KINDS, MALFORMED, is_sound_entry

logger = logging.getLogger(__name__)

WIDTH = 5  # of what makes an entry: id, queue, kind, priority, number


def entry_of(job: Job, delay: float = 0.0) -> Entry:
    return Entry(job.task_id, job.lane, job.priority, job.sequence, delay)


def entries_from(
    engine: Engine, cursor: CursorWrapper, rows: Iterable[Sequence[Any]]
) -> list[Entry]:
    """Return the entries of rows; what is malformed is failed."""
    sound, malformed = parted(rows)
    for task_id, *_, sequence in malformed:
        spoil(engine, cursor, task_id, sequence)
    return [_entry(*row) for row in sound]


def timed_entries_from(engine: Engine, rows: Iterable[Sequence[Any]]) -> list[Entry]:
    """Return the entries of the sound among rows that end with when the job is due."""
    sound, _ = parted(rows)
    return [_entry(*row[:WIDTH])._replace(delay=engine.seconds_until(row[-1])) for row in sound]


def parted(rows: Iterable[Sequence[Any]]) -> tuple[list[Sequence[Any]], list[Sequence[Any]]]:
    """Return the rows that describe a place in the index, and those that do not."""
    parts: tuple[list[Sequence[Any]], list[Sequence[Any]]] = [], []
    for row in rows:
        parts[not is_sound_entry(row)].append(row)
    return parts


def waiting_among(engine: Engine, cursor: CursorWrapper, task_ids: Sequence[str]) -> list[Entry]:
    """Return those of the jobs that wait, as their records have it now."""
    return _waiting(engine, cursor, "task_id", task_ids)


def waiting_among_rows(engine: Engine, cursor: CursorWrapper, rows: Sequence[int]) -> list[Entry]:
    """Return those of the jobs of these sequence numbers that wait, as `waiting_among` does."""
    return _waiting(engine, cursor, "id", rows)


def spoil(engine: Engine, cursor: CursorWrapper, task_id: str, sequence: int) -> None:
    """Fail what is no job: nobody could run it, nor say what became of it."""
    logger.error("Job %s fails. %s", task_id, MALFORMED)
    values = [MALFORMED, "builtins.ValueError", engine.moment(), sequence]
    cursor.execute(engine.render(sql.SPOIL), values)


def _waiting(engine: Engine, cursor: CursorWrapper, key: str, values: Sequence[Any]) -> list[Entry]:
    if not values:
        return []
    statement = engine.render(sql.STILL_WAITING_ENTRIES, key=key, ids=placeholders(values))
    cursor.execute(statement, values)
    return timed_entries_from(engine, cursor.fetchall())


def _entry(task_id: str, queue: str, kind: str, priority: int, sequence: int) -> Entry:
    return Entry(task_id, Lane(queue, KINDS[kind]), priority, sequence)
