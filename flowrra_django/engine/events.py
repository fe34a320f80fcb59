"""What happens to jobs, as values, for those who want to be told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ..job import ErrorInfo, Job
from ..results import TaskResult, TaskStatus, attempts_from, count_retries
from ..retry import Settlement
from ..serialization import Codec

logger = logging.getLogger(__name__)


class Enqueued(NamedTuple):
    """A job was enqueued, and others can see it."""

    job: Job

    def as_result(self, codec: Codec) -> TaskResult:
        job = replace(self.job, submitted_at=datetime.now(UTC))
        return _result(job, codec, status=TaskStatus.PENDING)


class Started(NamedTuple):
    """A worker begins to run a job's code; its claim is recorded."""

    job: Job

    def as_result(self, codec: Codec) -> TaskResult:
        return _result(self.job, codec, status=TaskStatus.RUNNING)


class Finished(NamedTuple):
    """A job is final, and the ledger has accepted it.

    It ran for `seconds`, which is None for a job whose worker went away. `exception` is what its
    code raised, where that is in this process.
    """

    settlement: Settlement
    seconds: float | None
    exception: BaseException | None = None

    @property
    def job(self) -> Job:
        return self.settlement.job

    def as_result(self, codec: Codec) -> TaskResult:
        end, job = self.settlement, self.job
        counts = replace(
            job, failures=end.failures, crashes=end.crashes, history=end.history or job.history
        )
        return _result(
            counts,
            codec,
            status=end.status,
            result=None if end.result is None else codec.decode(end.result, strict=False),
            finished_at=_later(job.started_at, self.seconds) or datetime.now(UTC),
            cancelled_by=end.cancelled_by or None,
            was_stopped=end.was_stopped,
            **_words(end.error),
        )


Event = Enqueued | Started | Finished
OnEvent = Callable[[Started | Finished], None]


def tell(on_event: OnEvent, event: Started | Finished) -> None:
    """Tell of an event; who cannot hear it changes nothing."""
    try:
        on_event(event)
    except Exception:
        logger.exception("Nobody could be told of job %s.", event.job.task_id)


def _result(job: Job, codec: Codec, *, status: TaskStatus, **known: Any) -> TaskResult:
    """Return the job as the ledger has it at that moment."""
    return TaskResult(
        task_id=job.task_id,
        status=status,
        task_name=job.task_name,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        retries=count_retries(status, job.failures, job.crashes),
        args=tuple(codec.decode(job.args, strict=False)),
        kwargs=codec.decode(job.kwargs, strict=False),
        queue=job.queue,
        priority=job.priority,
        run_after=_later(job.submitted_at, job.run_after),
        attempts=job.attempts,
        failures=job.failures,
        crashes=job.crashes,
        worker=job.worker or None,
        history=attempts_from(job.history),
        meta=job.noted,
        **known,
    )


def _words(error: ErrorInfo | None) -> dict[str, str]:
    if error is None:
        return {}
    return {"error": error.message, "error_type": error.type, "traceback": error.traceback}


def _later(moment: datetime | None, by: datetime | timedelta | float | None) -> datetime | None:
    if by is None or isinstance(by, datetime):
        return by
    seconds = by if isinstance(by, timedelta) else timedelta(seconds=by)
    return None if moment is None else moment + seconds
