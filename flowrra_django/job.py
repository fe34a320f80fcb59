"""A job, the lane it waits in, and what a run of it produced. Frozen values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

DEFAULT_QUEUE = "default"
DEFAULT_MAX_CRASHES = 3
NO_HISTORY = "[]"


class Kind(StrEnum):
    """How a task's code is run; one executor serves each."""

    IO = "io"
    THREAD = "thread"
    CPU = "cpu"


class Lane(NamedTuple):
    """A queue plus the kind of code: what one executor takes jobs from."""

    queue: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.queue}:{self.kind.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of a task.

    `args` and `kwargs` are in the form of the ledger's codec. `run_after` is an aware moment, or a
    delay counted from the ledger's own now. The ledger adds the rest: `sequence` is the order of
    arrival; `claim` grows each time a worker takes the job and never shrinks; `attempts` counts
    the claims that were not given back, this one included; `history` tells of the attempts that
    went wrong (see `retry`); `started_at` is the moment of the claim.
    """

    task_id: str
    task_name: str
    kind: Kind
    args: Any
    kwargs: Any
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    run_after: datetime | timedelta | None = None
    max_crashes: int = DEFAULT_MAX_CRASHES
    sequence: int = 0
    claim: int = 0
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    history: str = NO_HISTORY
    started_at: datetime | None = None

    @property
    def lane(self) -> Lane:
        return Lane(self.queue, self.kind)

    @property
    def given_back(self) -> int:
        """How many claims were given back without cost."""
        return self.claim - self.attempts


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


Outcome = Succeeded | Failed | Crashed | GivenBack
