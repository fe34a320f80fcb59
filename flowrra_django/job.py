"""A job, the lane it waits in, and what a run of it produced. Frozen values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

FIRST_PRIORITY = -(2**31)  # before any that a job can be enqueued with
DEFAULT_QUEUE = "default"
DEFAULT_MAX_CRASHES = 3
NO_HISTORY = "[]"
NO_META = "{}"
UNTIL_START = "start:"  # begins the keys that a job gives up when it starts


class Kind(StrEnum):
    """How a task's code is run; one executor serves each."""

    IO = "io"
    THREAD = "thread"
    CPU = "cpu"


class OnDuplicate(StrEnum):
    """What comes of a job whose key another has: that one's id, an error, or its content."""

    RETURN = "return"
    RAISE = "raise"
    REPLACE = "replace"


class Lane(NamedTuple):
    """A queue plus the kind of code: what one executor takes jobs from."""

    queue: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.queue}:{self.kind.value}"


def all_lanes(queues: Iterable[str]) -> list[Lane]:
    """Return the lanes of these queues, for each kind of code."""
    return [Lane(queue, kind) for queue in queues for kind in Kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of a task.

    `args` and `kwargs` are in the form of the ledger's codec. `run_after` is an aware moment, or a
    delay counted from the ledger's own now. The ledger makes a moment of it, and adds the rest:
    `sequence` is the order of arrival; `claim` grows each time a worker takes the job and never
    shrinks; `attempts` counts the claims that were not given back, this one included; `history`
    tells of the attempts that went wrong (see `retry`); `worker` is who claimed it, and
    `started_at` when. `meta` is JSON text, an object: what those who enqueue note for those who
    run, or ask (see `registry`). Of the jobs with one `unique_key` a ledger has one at a time
    until that has started or ended; `on_duplicate` says what comes of another. A job that has not
    been claimed `expires_in` after it was recorded is cancelled.
    """

    task_id: str
    task_name: str
    kind: Kind
    args: Any = field(repr=False)  # what is secret in them is to be in no log
    kwargs: Any = field(repr=False)
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    run_after: datetime | timedelta | None = None
    max_crashes: int = DEFAULT_MAX_CRASHES
    sequence: int = 0
    claim: int = 0
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    history: str = field(default=NO_HISTORY, repr=False)  # has errors, which may show a job
    meta: str = field(default=NO_META, repr=False)
    worker: str = ""
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    unique_key: str | None = None
    on_duplicate: OnDuplicate = OnDuplicate.RETURN
    expires_in: timedelta | None = None

    @property
    def lane(self) -> Lane:
        return Lane(self.queue, self.kind)

    @property
    def noted(self) -> dict[str, Any]:
        """What `meta` says."""
        return {} if self.meta == NO_META else dict(orjson.loads(self.meta))


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An exception as text: its message, the dotted path of its class, its traceback."""

    message: str
    type: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The code returned; `result` is in the form of the ledger's codec."""

    result: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """The code raised. `exception` is there when it was raised in, or could reach, this process."""

    error: ErrorInfo
    exception: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Crashed:
    """The code took its process down, or its process was killed."""

    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The code did not run to its end, by no fault of its own; this costs no attempt.

    `started`: whether it may have done a part of its work, which a job that must run at most once
    cannot take back. `delay`: in how many seconds it may be tried again.
    """

    reason: str
    started: bool = True
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The code ended after `by` had asked for that; `error` says in words how.

    `was_stopped`: whether it ended for that. `result` is what it returned nevertheless.
    """

    error: ErrorInfo
    was_stopped: bool
    by: str
    result: Any = None


Outcome = Succeeded | Failed | Crashed | GivenBack | Cancelled
