"""The job that code is part of: what it can know of it, and what it can tell."""

from __future__ import annotations

import math
from collections import deque
from contextvars import ContextVar
from datetime import UTC, datetime
from threading import Lock
from typing import NamedTuple

from .exceptions import OutsideJobError
from .reports import KEPT_LINES, LogLine, Progress, storable

TEXT_CHARS = 500
LARGEST = 2**53  # which any reader of JSON can count to


class Facts(NamedTuple):
    """What does not change while one attempt at a job runs."""

    task_id: str
    task_name: str
    attempt: int
    queue: str
    deadline: datetime | None = None


class Told(NamedTuple):
    """What the code has told since it was last asked."""

    progress: Progress | None
    lines: tuple[LogLine, ...]


class Run:
    """An attempt at a job while its code runs: what the code tells, and is to be told.

    Safe to use from any thread.
    """

    __slots__ = ("_lines", "_lock", "_progress", "cancelled_by", "facts", "is_heeded")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.cancelled_by: str | None = None
        self.is_heeded = False
        self._progress: Progress | None = None
        self._lines: deque[LogLine] | None = None
        self._lock = Lock()

    def tell(self, told: Progress | LogLine) -> None:
        """Keep what the code tells: the last progress, and the last hundred lines."""
        with self._lock:
            is_first = self._progress is None and not self._lines
            if isinstance(told, Progress):
                self._progress = told
            else:
                self._lines = deque(maxlen=KEPT_LINES) if self._lines is None else self._lines
                self._lines.append(told)
        if is_first:
            self.on_told()

    def on_told(self) -> None:
        """Take note, on the code's own thread, that there is news: once until somebody takes it."""

    def take(self) -> Told | None:
        """Return what was told since the last time; None for nothing."""
        if self._progress is None and not self._lines:  # as most code tells nothing
            return None
        with self._lock:
            told = Told(self._progress, tuple(self._lines or ()))
            self._progress = self._lines = None
        return told

    def give_back(self, told: Told) -> None:
        """Keep what was taken, and could not be written, with what was told since."""
        with self._lock:
            if self._progress is None:
                self._progress = told.progress
            if told.lines:
                self._lines = deque([*told.lines, *(self._lines or ())], maxlen=KEPT_LINES)

    def cancel(self, by: str) -> None:
        """Note that the code is to end, and who asks."""
        self.cancelled_by = by

    def heed(self) -> bool:
        """Say whether the code is to end; then it knows."""
        if self.cancelled_by is None:
            return False
        self.is_heeded = True
        return True


class CurrentJob:
    """The job that the calling code runs for."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def task_id(self) -> str:
        return self._run.facts.task_id

    @property
    def id(self) -> str:
        """The same id, under the name that it has in Django's `TaskResult`."""
        return self._run.facts.task_id

    @property
    def task_name(self) -> str:
        return self._run.facts.task_name

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._run.facts.attempt

    @property
    def queue(self) -> str:
        return self._run.facts.queue

    @property
    def deadline(self) -> datetime | None:
        """When this attempt has taken too long: aware, in UTC; None without a timeout."""
        return self._run.facts.deadline

    @property
    def cancelled(self) -> bool:
        """Whether the job is to be cancelled: then this code should end soon, however it likes.

        A thread has to ask, since it cannot be stopped; a child process is killed without.
        """
        return self._run.heed()

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Tell how far this attempt is: `done` of `total`, with up to 500 characters of words.

        It is written at most twice a second, the last one always, and read as
        `TaskResult.progress`. Raises TypeError or ValueError for what are no such numbers.
        """
        _check(done, "done")
        if total is not None:
            _check(total, "total")
        words, now = _shown(message), datetime.now(UTC)
        self._run.tell(Progress(done=done, total=total, message=words, at=now))

    def log(self, text: object) -> None:
        """Leave a line of up to 500 characters with the job; the last hundred lines are kept."""
        line = LogLine(at=datetime.now(UTC), attempt=self.attempt, text=_shown(text))
        self._run.tell(line)

    def __repr__(self) -> str:
        return f"<attempt {self.attempt} at job {self.task_id} of {self.task_name}>"


_current: ContextVar[Run | None] = ContextVar("flowrra_current_run", default=None)


def enter(run: Run) -> None:
    """Note that what follows in this context is done for a job."""
    _current.set(run)


def current_run() -> Run | None:
    """Return what the calling code runs for; None outside a job."""
    return _current.get()


def current_job() -> CurrentJob:
    """Return the job that the calling code runs for.

    It is known wherever the context of the task goes along: coroutines, `sync_to_async`,
    `asyncio.to_thread`; not on a thread that the task starts by itself. Raises OutsideJobError
    there, and outside a job.
    """
    run = _current.get()
    if run is None:
        raise OutsideJobError
    return CurrentJob(run)


def _check(number: float, name: str) -> None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(f"{name} of a progress is a number, got {type(number).__name__}.")
    if not (math.isfinite(number) and abs(number) <= LARGEST):
        raise ValueError(f"{name} of a progress is a number up to 2**53, got {number}.")


def _shown(text: object) -> str:
    shown = storable(str(text)[:TEXT_CHARS])
    return shown if len(shown) <= TEXT_CHARS else f"{shown[: TEXT_CHARS - 1]}…"
