"""What comes with a claim: keys that last until the start are given up, and some come too late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper

from ...job import UNTIL_START, Job
from ...retry import expired
from . import sql
from .engine import Engine, Rows, placeholders

KEY, FIRST_CLAIM = -7, 1
EXPIRING = 6

GIVE_UP_KEYS = f"UPDATE {sql.TABLE} SET unique_key = NULL WHERE id IN ({{ids}})"

# What nobody had claimed in time, found by its index. Parameters: now, how many.
EXPIRED = f"""
SELECT {sql.EXPIRING_COLUMNS} FROM {{by_expiring}}
WHERE status = 'pending' AND claim = 0 AND expires_at IS NOT NULL AND expires_at <= %s
ORDER BY expires_at LIMIT %s {{skip_locked}}
"""
IS_EXPIRED = """
SELECT 1 FROM {by_expiring}
WHERE status = 'pending' AND claim = 0 AND expires_at IS NOT NULL AND expires_at <= %s LIMIT 1
"""
# A job that is not to start after all; parameters: now, error, its type, id, claim, status.
END_UNSTARTED = f"""
UPDATE {sql.TABLE} SET status = 'cancelled', finished_at = %s, error = %s, error_type = %s,
    due_at = NULL, started_at = NULL, worker = '', attempts = 0, unique_key = NULL
WHERE id = %s AND claim = %s AND status = %s
"""


class Started(NamedTuple):
    """Jobs that were claimed, and how many were cancelled instead, since they came too late."""

    jobs: list[Job]
    expired: int


def start(engine: Engine, cursor: CursorWrapper, claimed: Rows, now: datetime) -> Rows:
    """Return the JOB_COLUMNS of those that start now, from CLAIMED_COLUMNS."""
    late = [row for row in claimed if _is_late(engine, row, now)]
    in_time = [row for row in claimed if row not in late] if late else claimed
    if late:
        cancel_expired(engine, cursor, [row[-EXPIRING:] for row in late])
    keyed = [row[-EXPIRING] for row in in_time if str(row[KEY] or "").startswith(UNTIL_START)]
    if keyed:
        cursor.execute(engine.render(GIVE_UP_KEYS, ids=placeholders(keyed)), keyed)
    return [row[:KEY] for row in in_time]


def expire(engine: Engine, limit: int) -> list[str]:
    """Cancel up to so many jobs that nobody had claimed in time; return their ids."""
    with engine.reading() as cursor:
        cursor.execute(engine.render(IS_EXPIRED), [engine.moment()])
        if cursor.fetchone() is None:  # so that who finds nothing takes no write lock
            return []
    with engine.writing() as cursor:
        cursor.execute(engine.render(EXPIRED), [engine.moment(), limit])
        rows = cursor.fetchall()
        cancel_expired(engine, cursor, rows)
    return [row[1] for row in rows]


def cancel_expired(engine: Engine, cursor: CursorWrapper, rows: Sequence[Sequence[Any]]) -> None:
    """Cancel the jobs that rows of EXPIRING_COLUMNS tell of."""
    now = engine.moment()
    engine.write(cursor, END_UNSTARTED, [(now, *_end(engine, row)) for row in rows])


def _is_late(engine: Engine, row: Sequence[Any], now: datetime) -> bool:
    """Whether a job expired before its first claim, which this is."""
    *_, expires_at, claim, _ = row
    return expires_at is not None and claim == FIRST_CLAIM and engine.read_moment(expires_at) <= now


def _end(engine: Engine, row: Sequence[Any]) -> tuple[Any, ...]:
    sequence, _, submitted_at, expires_at, claim, status = row
    seconds = engine.read_moment(expires_at) - engine.read_moment(submitted_at)
    error = expired(seconds.total_seconds())
    return error.message, error.type, sequence, claim, status
