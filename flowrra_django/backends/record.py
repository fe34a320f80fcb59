"""One job, and one worker, as the ledger in memory keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ..job import FIRST_PRIORITY, NO_HISTORY, UNTIL_START, ErrorInfo, Job, Kind, Lane
from ..reports import Progress, Report, log_from, log_with, progress_fields
from ..results import WAITING, TaskResult, TaskStatus, attempts_from, count_retries
from ..retry import Settlement
from .answers import NO_VITALS, Entry, Vitals, WorkerInfo
from .briefs import Brief
from .selection import Selection


class Presence(NamedTuple):
    """A worker that is enlisted, and when it last beat: for people, and by the ledger's clock."""

    worker: WorkerInfo
    at: datetime
    clock: float
    vitals: Vitals = NO_VITALS
    is_draining: bool = False


class Record:
    """One job. Its state changes through the named transitions alone, under the ledger's lock."""

    __slots__ = (
        "__weakref__", "asked_for", "attempts", "cancel_requested", "cancelled_by", "claim_number",
        "crashes", "due", "ended", "error", "expires", "failures", "finished_at", "history", "job",
        "kind", "log", "progress", "recorded", "result", "sequence", "started_at", "status",
        "submitted_at", "unique_key", "was_stopped", "worker",
    )  # fmt: skip

    def __init__(self, job: Job, sequence: int, now: float, moment: datetime) -> None:
        self.unique_key = job.unique_key
        self.sequence = sequence
        self.fill(job, now, moment)
        self.ended = 0.0
        self.claim_number = 0
        self.history = NO_HISTORY
        self.log: str | None = None
        self.reset()

    def fill(self, job: Job, now: float, moment: datetime) -> None:
        """Take what a job is to do, and when, as recorded now."""
        self.job = job
        self.kind = job.kind
        self.due = self.asked_for = now + _delay(job, moment)
        self.recorded = now
        self.submitted_at = moment
        self.expires = None if job.expires_in is None else now + job.expires_in.total_seconds()

    def reset(self) -> None:
        """Make it as if just recorded, but for its history, its log and the number of its claim."""
        self.status = TaskStatus.PENDING
        self.attempts = self.failures = self.crashes = 0
        self.started_at: datetime | None = None
        self.finished_at: datetime | None = None
        self.worker: str | None = None
        self.result: Any = None
        self.error: ErrorInfo | None = None
        self.cancel_requested = False
        self.cancelled_by: str | None = None
        self.was_stopped: bool | None = None
        self.progress: Progress | None = None

    @property
    def run_after(self) -> datetime | None:
        wanted = self.job.run_after
        return self.submitted_at + wanted if isinstance(wanted, timedelta) else wanted

    @property
    def expires_at(self) -> datetime | None:
        expires_in = self.job.expires_in
        return None if self.expires is None or not expires_in else self.submitted_at + expires_in

    def is_expired(self, now: float) -> bool:
        is_new = self.status is TaskStatus.PENDING and self.claim_number == 0
        return is_new and self.expires is not None and self.expires <= now

    @property
    def lane(self) -> Lane:
        return Lane(self.job.queue, self.kind)

    def fits(self, selection: Selection, before: float | None) -> bool:
        """Whether it is among those chosen; `before` is a time of the ledger's clock."""
        return (
            self.status in selection.statuses
            and (selection.tasks is None or self.job.task_name in selection.tasks)
            and (selection.queues is None or self.job.queue in selection.queues)
            and (before is None or self.recorded < before)
        )

    def is_held(self, worker_id: str, claim: int) -> bool:
        return (
            self.status is TaskStatus.RUNNING
            and self.worker == worker_id
            and self.claim_number == claim
        )

    def claim(self, worker_id: str, now: datetime) -> Job:
        self.status = TaskStatus.RUNNING
        self.worker = worker_id
        self.started_at = now
        self.progress = None
        self.claim_number += 1
        self.attempts += 1
        if self.unique_key is not None and self.unique_key.startswith(UNTIL_START):
            self.unique_key = None
        return self.claimed()

    def claimed(self) -> Job:
        """Return the job as its worker holds it."""
        job = self.job
        return Job(
            task_id=job.task_id,
            task_name=job.task_name,
            kind=self.kind,
            args=job.args,
            kwargs=job.kwargs,
            queue=job.queue,
            priority=job.priority,
            max_crashes=job.max_crashes,
            sequence=self.sequence,
            claim=self.claim_number,
            attempts=self.attempts,
            failures=self.failures,
            crashes=self.crashes,
            history=self.history,
            meta=job.meta,
            worker=self.worker or "",
            run_after=self.run_after,
            submitted_at=self.submitted_at,
            started_at=self.started_at,
        )

    def settle(self, settlement: Settlement, due: float, now: datetime) -> None:
        self.failures = settlement.failures
        self.crashes = settlement.crashes
        self.history = settlement.history
        self.error = settlement.error
        self.result = settlement.result
        self.was_stopped = settlement.was_stopped
        if settlement.status is TaskStatus.RETRYING:
            self.wait(due, now)
        else:
            self.finish(settlement.status, now)

    def release(self, kind: Kind | None, due: float, now: datetime) -> None:
        self.attempts -= 1
        self.kind = kind or self.kind
        self.wait(due, now)

    def wait(self, due: float, now: datetime) -> None:
        """Go back to waiting, or end as cancelled where that was asked for."""
        if self.cancel_requested:
            self.finish(TaskStatus.CANCELLED, now)
            return
        self.status = TaskStatus.RETRYING if self.failures + self.crashes else TaskStatus.PENDING
        self.worker = None
        self.due = due

    def run_now(self, now: float, moment: datetime) -> None:
        """Be due at once, and before others."""
        is_early = self.run_after is not None and self.run_after > moment
        run_after = moment if is_early else self.job.run_after
        self.job = replace(self.job, run_after=run_after, priority=FIRST_PRIORITY)
        self.due, self.asked_for = min(self.due, now), min(self.asked_for, now)

    def finish(self, status: TaskStatus, now: datetime) -> None:
        self.status = status
        self.finished_at = now
        self.unique_key = None

    def end_unstarted(self, error: ErrorInfo, now: datetime) -> None:
        """Be cancelled for a reason."""
        self.error = error
        self.finish(TaskStatus.CANCELLED, now)

    def report(self, report: Report) -> None:
        self.progress = report.progress or self.progress
        if report.lines:
            self.log = log_with(self.log, report.lines)

    def cancel(self, now: datetime, by: str) -> bool:
        """Cancel if it waits, ask for it if it runs; return whether it was either."""
        if self.status.is_final:
            return False
        self.cancelled_by = self.cancelled_by or by or None
        if self.status in WAITING:
            self.finish(TaskStatus.CANCELLED, now)
        else:
            self.cancel_requested = True
        return True

    def entry(self, now: float) -> Entry:
        delay = max(0.0, self.due - now)
        return Entry(self.job.task_id, self.lane, self.job.priority, self.sequence, delay)

    def brief(self) -> Brief:
        job = self.job
        told = progress_fields(self.progress)
        return Brief(job.task_id, self.status, job.task_name, job.queue, self.claim_number, told)

    def as_result(self) -> TaskResult:
        job, error = self.job, self.error
        return TaskResult(
            task_id=job.task_id,
            status=self.status,
            task_name=job.task_name,
            result=self.result,
            error=error.message if error else None,
            submitted_at=self.submitted_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            retries=count_retries(self.status, self.failures, self.crashes),
            args=tuple(job.args),
            kwargs=job.kwargs,
            queue=job.queue,
            priority=job.priority,
            run_after=self.run_after,
            attempts=self.attempts,
            failures=self.failures,
            crashes=self.crashes,
            worker=self.worker,
            error_type=error.type if error else None,
            traceback=error.traceback if error else None,
            history=attempts_from(self.history),
            meta=job.noted,
            progress=self.progress,
            log=log_from(self.log),
            cancelled_by=self.cancelled_by,
            was_stopped=self.was_stopped,
            expires_at=self.expires_at,
        )


def _delay(job: Job, moment: datetime) -> float:
    """Return in how many seconds the job is due."""
    match job.run_after:
        case None:
            return 0.0
        case timedelta() as delay:
            return max(0.0, delay.total_seconds())
        case at:
            return max(0.0, (at - moment).total_seconds())
