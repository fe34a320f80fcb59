"""One job as the ledger in memory keeps it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ..job import NO_HISTORY, ErrorInfo, Job, Kind, Lane
from ..results import WAITING, TaskResult, TaskStatus, count_retries
from ..retry import Settlement
from .base import Entry


class Record:
    """One job. Its state changes through the named transitions alone, under the ledger's lock."""

    __slots__ = (
        "attempts", "cancel_requested", "claim_number", "crashes", "due", "ended", "error",
        "failures", "finished_at", "history", "job", "kind", "result", "sequence", "started_at",
        "status", "submitted_at", "worker",
    )  # fmt: skip

    def __init__(self, job: Job, sequence: int, due: float, submitted_at: datetime) -> None:
        self.job = job
        self.kind = job.kind
        self.sequence = sequence
        self.due = due
        self.submitted_at = submitted_at
        self.ended = 0.0
        self.claim_number = 0
        self.history = NO_HISTORY
        self.reset()

    def reset(self) -> None:
        """Make it as if just recorded, but for its history and the number of its claim."""
        self.status = TaskStatus.PENDING
        self.attempts = self.failures = self.crashes = 0
        self.started_at: datetime | None = None
        self.finished_at: datetime | None = None
        self.worker: str | None = None
        self.result: Any = None
        self.error: ErrorInfo | None = None
        self.cancel_requested = False

    @property
    def run_after(self) -> datetime | None:
        wanted = self.job.run_after
        return self.submitted_at + wanted if isinstance(wanted, timedelta) else wanted

    @property
    def lane(self) -> Lane:
        return Lane(self.job.queue, self.kind)

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
        self.claim_number += 1
        self.attempts += 1
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
            started_at=self.started_at,
        )

    def settle(self, settlement: Settlement, due: float, now: datetime) -> None:
        self.failures = settlement.failures
        self.crashes = settlement.crashes
        self.history = settlement.history
        self.error = settlement.error
        self.result = settlement.result
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

    def finish(self, status: TaskStatus, now: datetime) -> None:
        self.status = status
        self.finished_at = now

    def cancel(self, now: datetime) -> bool:
        """Cancel if it waits, ask for it if it runs; return whether it was either."""
        if self.status in WAITING:
            self.finish(TaskStatus.CANCELLED, now)
            return True
        self.cancel_requested = self.status is TaskStatus.RUNNING
        return self.cancel_requested

    def entry(self, now: float) -> Entry:
        delay = max(0.0, self.due - now)
        return Entry(self.job.task_id, self.lane, self.job.priority, self.sequence, delay)

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
        )
