"""What the code of a job tells of itself while it runs: how far it is, and lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from .job import Job

KEPT_LINES = 100
NO_LOG = "[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt said it was: `done` of `total`, which is None if it could not know."""

    done: float
    total: float | None
    message: str
    at: datetime

    @property
    def fraction(self) -> float | None:
        """The part that is done, from 0 to 1; None without a total."""
        if self.total is None:
            return None
        return min(1.0, max(0.0, self.done / self.total)) if self.total > 0 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line that an attempt left, and when."""

    at: datetime
    attempt: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a running job has told since its last report: where it is now, and new lines."""

    job: Job
    progress: Progress | None = None
    lines: Sequence[LogLine] = ()


def storable(text: str) -> str:
    """Escape what some store refuses in a text: lone surrogates and NUL."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def progress_text(progress: Progress | None) -> str | None:
    """Return a progress as the JSON text of a record."""
    return None if progress is None else orjson.dumps(progress).decode()


def progress_fields(progress: Progress | None) -> dict[str, Any] | None:
    """Return a progress as the plain values that its JSON text stands for."""
    return None if progress is None else {**asdict(progress), "at": progress.at.isoformat()}


def progress_from(told: Any) -> Progress | None:
    """Return the progress that the JSON of a record, read or not, tells of; None if it is none."""
    try:
        told = orjson.loads(told) if isinstance(told, str) else told
        return Progress(**{**told, "at": datetime.fromisoformat(told["at"])}) if told else None
    except (KeyError, TypeError, ValueError):
        return None


def log_from(log: str | None) -> tuple[LogLine, ...]:
    """Return the lines that the JSON text of a record tells of, oldest first; none if it is none.

    What cannot be a line is left out.
    """
    try:
        told = orjson.loads(log or NO_LOG)
    except orjson.JSONDecodeError:
        return ()
    lines = map(_line, told if isinstance(told, list) else ())
    return tuple(line for line in lines if line is not None)


def log_with(log: str | None, lines: Sequence[LogLine]) -> str:
    """Return the JSON text of a log with lines added, but for those that it has: they came twice.

    The last hundred are kept.
    """
    past = log_from(log)
    told = [*past, *(line for line in lines if line not in past)]
    return orjson.dumps(told[-KEPT_LINES:]).decode()


def _line(told: Any) -> LogLine | None:
    try:
        return LogLine(**{**told, "at": datetime.fromisoformat(told["at"])})
    except (KeyError, TypeError, ValueError):
        return None
