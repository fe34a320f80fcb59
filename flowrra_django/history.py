"""The attempts of a job that went wrong, as its record keeps them: JSON text, oldest first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson

from .job import ErrorInfo, Job

KEPT_ATTEMPTS = 100
KEPT_TRACEBACKS = 10
KEPT_MESSAGE_CHARS = 200  # of an attempt whose traceback is not kept


def with_attempt(job: Job, error: ErrorInfo, worker: str, seconds: float | None) -> str:
    """Return the job's history with this attempt added.

    The last hundred are kept, the last ten of them in full.
    """
    attempt = {
        "attempt": job.attempts,
        "worker": worker,
        "started_at": job.started_at,
        "finished_at": _ended(job, seconds),
        "error": error.message,
        "error_type": error.type,
        "traceback": error.traceback,
        "claim": job.claim,
    }
    past = [*attempts_in(job.history), attempt][-KEPT_ATTEMPTS:]
    past[:-KEPT_TRACEBACKS] = map(_shortened, past[:-KEPT_TRACEBACKS])
    return orjson.dumps(past).decode()


def attempts_in(history: str) -> list[dict[str, Any]]:
    """Return what a history tells of; nothing if somebody else has written it."""
    try:
        told = orjson.loads(history)
    except orjson.JSONDecodeError:
        return []
    is_history = isinstance(told, list) and all(isinstance(a, dict) and "error" in a for a in told)
    return told if is_history else []


def _shortened(attempt: dict[str, Any]) -> dict[str, Any]:
    return {**attempt, "error": str(attempt["error"])[:KEPT_MESSAGE_CHARS], "traceback": ""}


def _ended(job: Job, seconds: float | None) -> Any:
    if job.started_at is None or seconds is None:
        return None
    return job.started_at + timedelta(seconds=seconds)
