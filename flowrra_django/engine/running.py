"""The code that a worker runs now, and what it tells of itself, on its way to the ledger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from ..context import Facts, Run, Told
from ..job import Job
from ..reports import Report

REPORT_SECONDS = 0.5


class JobRun(Run):
    """One claim of a job, and the asyncio task that runs its code."""

    __slots__ = ("_news", "has_begun", "job", "task", "timeout", "worker_id")

    task: asyncio.Task[None]

    def __init__(
        self, job: Job, worker_id: str, timeout: float | None, news: News | None = None
    ) -> None:
        self.job = job
        self.worker_id = worker_id
        self.timeout = timeout
        self.has_begun = False
        self._news = news
        super().__init__(facts_of(job, timeout))

    def begin(self) -> None:
        """Note that all is there that the code needs, so that it may have done something."""
        self.has_begun = True

    def on_told(self) -> None:
        """Have it written, unless that is done in the end only."""
        if self._news is not None:
            self._news.note(self)

    def report(self) -> Report | None:
        """Return what its code has told since the last time; None for nothing."""
        told = self.take()
        return told and Report(job=self.job, progress=told.progress, lines=told.lines)

    def keep(self, report: Report) -> None:
        """Have a report that could not be written as a part of the next one."""
        self.give_back(Told(report.progress, tuple(report.lines)))


class News:
    """The runs that have told something, for the outbox to write every half a second.

    `wake` is called on the event loop when it is time.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._runs: dict[JobRun, None] = {}
        self._last = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._home = threading.get_ident()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def note(self, run: JobRun) -> None:
        """Take note of a run that has told something. May be called from any thread."""
        if threading.get_ident() == self._home:
            self._note(run)
            return
        with suppress(RuntimeError):  # the loop is closed: nobody writes there any more
            self._loop.call_soon_threadsafe(self._note, run)

    def take(self, ended: Iterable[JobRun]) -> dict[str, dict[JobRun, Report]]:
        """Return the reports to write now, by worker id: of what has ended, and of all if due."""
        runs = dict.fromkeys(ended)
        if self._is_due:
            runs |= self._runs
            self._runs, self._is_due, self._last = {}, False, self._loop.time()
        reports: dict[str, dict[JobRun, Report]] = {}
        for run in runs:
            if report := run.report():
                reports.setdefault(run.worker_id, {})[run] = report
        return reports

    def _note(self, run: JobRun) -> None:
        self._runs[run] = None
        if self._timer is None:
            moment = max(self._last + REPORT_SECONDS, self._loop.time())
            self._timer = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        self._timer, self._is_due = None, True
        self._wake()


def facts_of(job: Job, timeout: float | None) -> Facts:
    deadline = None if timeout is None else datetime.now(UTC) + timedelta(seconds=timeout)
    return Facts(job.task_id, job.task_name, job.attempts, job.queue, deadline)
