"""The attempts of a job that went wrong, as its record tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from .pieces import text_of, time_of
from .words import duration

TEMPLATE = "admin/flowrra_django/taskrecord/attempts.html"


def attempts_of(history: str) -> SafeString:
    """Show them as a table, the last one first; a history that is malformed as it stands."""
    try:
        attempts = [_row(attempt) for attempt in reversed(orjson.loads(history))]
    except (AttributeError, TypeError, ValueError):
        return text_of(history)
    return render_to_string(TEMPLATE, {"attempts": attempts})


def _row(attempt: Mapping[str, Any]) -> dict[str, Any]:
    started_at = _moment(attempt.get("started_at"))
    finished_at = _moment(attempt.get("finished_at"))
    return {
        "number": attempt.get("attempt"),
        "started": time_of(started_at),
        "ran": duration(finished_at - started_at) if started_at and finished_at else None,
        "worker": attempt.get("worker"),
        "error_type": attempt.get("error_type"),
        "error": text_of(str(attempt.get("error") or "")),
        "traceback": attempt.get("traceback"),
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
