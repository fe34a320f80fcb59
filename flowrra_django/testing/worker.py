"""A worker without a thread, an event loop or a connection of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace

from asgiref.sync import async_to_sync

from .. import runtime
from ..context import enter
from ..engine.events import Started
from ..engine.job_log import log_settled
from ..engine.outbox import Parcel, finished_by
from ..engine.presence import Presence
from ..engine.running import JobRun
from ..engine.stores import Stores
from ..engine.wiring import describe_self
from ..job import Failed, Job, Kind, Outcome
from ..registry import Task
from ..results import TaskStatus
from ..retry import (
    Limits,
    Release,
    Settlement,
    after_unknown_task,
    as_cancelled,
    settle,
    timeout_of,
)
from ..runners.base import failed
from ..runners.coroutine import CoroutineRunner
from ..runners.limits import run_within
from ..runners.thread import ThreadRunner
from .isolation import isolated
from .waiting import EVERY, hasten, lanes_of

logger = logging.getLogger(__name__)

Call = Callable[[Job, Task], Outcome]

# What is a job's own failure. Anything else, Ctrl-C or `pytest.fail`, is meant for the test.
OF_THE_JOB = (Exception, SystemExit, asyncio.CancelledError, GeneratorExit)


class InlineRunner(ThreadRunner):
    """Runs plain functions as a worker's threads do, on the calling thread."""

    def call(self, job: Job, task: Task) -> Outcome:
        return self._call(job, task)


class InlineWorker:
    """Takes, runs and settles jobs with what production uses for each step.

    With `raise_errors` it raises the exception of a job that failed for good.
    """

    def __init__(self, stores: Stores, worker_id: str, *, raise_errors: bool) -> None:
        self._stores = stores
        self._worker_id = worker_id
        self._raise_errors = raise_errors
        self._defaults = Limits(runtime.get_config().executor.max_retries, retry_delay=0.0)
        self._calls = _calls(stores, self._defaults)

    def take(self, queue: str | None, limit: int) -> Sequence[Job]:
        """Claim up to `limit` jobs that are due.

        An index may hold what the ledger refuses; it is asked again as long as that empties it.
        """
        broker, lanes = self._stores.broker, lanes_of(self._stores.backend, queue)
        depth = broker.depth(lanes, EVERY)
        jobs = self._stores.take(self._worker_id, lanes, limit).jobs
        while not jobs and (left := broker.depth(lanes, EVERY)) < depth:
            depth, jobs = left, self._stores.take(self._worker_id, lanes, limit).jobs
        return jobs

    def hasten(self, queue: str | None, limit: int) -> bool:
        """Make up to `limit` scheduled jobs due; return whether there were any."""
        return hasten(self._stores, queue, limit)

    def run(self, jobs: Sequence[Job]) -> list[str]:
        """Run and settle what was claimed; return the ids.

        If that is broken off, what is left of it is given back.
        """
        left = {job.task_id: job for job in jobs}
        try:
            for job in jobs:
                outcome, item = self._run(job)
                del left[job.task_id]
                self._raise_if_wanted(outcome, item)
        finally:
            self.give_back(list(left.values()))
        return [job.task_id for job in jobs]

    def give_back(self, jobs: Sequence[Job]) -> None:
        """Let what was claimed wait again, as if it had not been."""
        if jobs:
            self._stores.release(self._worker_id, [Release(job=job) for job in jobs])

    def _run(self, job: Job) -> tuple[Outcome | None, Settlement | Release]:
        started = time.monotonic()
        task = runtime.registry.for_job(job)
        run = None
        if task is None:
            logger.warning("No task named %r here; job %s waits.", job.task_name, job.task_id)
            outcome, item = None, after_unknown_task(job, worker=self._worker_id)
        else:
            runtime.tell(Started(job))
            run = JobRun(job, self._worker_id, timeout_of(task, self._defaults))
            outcome = self._outcome(run, task)
            item = self._settlement(job, task, outcome, time.monotonic() - started)
        exception = outcome.exception if isinstance(outcome, Failed) else None
        self._write(Parcel(self._worker_id, item, time.monotonic() - started, exception, run))
        return outcome, item

    def _outcome(self, run: JobRun, task: Task) -> Outcome:
        try:
            with isolated():
                return copy_context().run(_call_within, run, self._calls[task.kind], task)
        except Exception as error:  # of what the job had called on commit
            return failed(error)

    def _settlement(
        self, job: Job, task: Task, outcome: Outcome, seconds: float
    ) -> Settlement | Release:
        return settle(
            job,
            replace(task, retry_delay=0.0),
            outcome,
            defaults=self._defaults,
            worker=self._worker_id,
            seconds=seconds,
        )

    def _write(self, parcel: Parcel) -> None:
        item = parcel.item
        if report := parcel.run and parcel.run.report():
            self._stores.backend.report(self._worker_id, [report])
        if isinstance(item, Release):
            written = self._stores.release(self._worker_id, [item])
        else:
            written = self._stores.settle(self._worker_id, [item])
        if written.cancelled:
            parcel = replace(parcel, item=as_cancelled(item))
        log_settled(parcel, is_accepted=bool(written.accepted))
        if written.accepted and (finished := finished_by(parcel)):
            runtime.tell(finished)

    def _raise_if_wanted(self, outcome: Outcome | None, item: Settlement | Release) -> None:
        error = outcome.exception if isinstance(outcome, Failed) else None
        if error is None:
            return
        has_failed = isinstance(item, Settlement) and item.status is TaskStatus.FAILED
        if (has_failed and self._raise_errors) or not isinstance(error, OF_THE_JOB):
            raise error


def _call_within(run: JobRun, call: Call, task: Task) -> Outcome:
    enter(run)
    return call(run.job, task)


@contextmanager
def enlisted(stores: Stores, *, raise_errors: bool) -> Iterator[InlineWorker]:
    """Give a worker that may claim jobs for as long as this lasts."""
    presence = Presence(stores.backend, describe_self(kinds=tuple(Kind), version="testing"))
    presence.enlist()
    try:
        yield InlineWorker(stores, presence.worker_id, raise_errors=raise_errors)
    finally:
        presence.dismiss()


def _calls(stores: Stores, defaults: Limits) -> dict[Kind, Call]:
    codec = stores.backend.codec
    plain = InlineRunner(1, codec)
    coroutines = CoroutineRunner(codec, call_sync=runtime.worker_hooks().call_sync)

    async def run_in_time(job: Job, task: Task) -> Outcome:
        return await run_within(timeout_of(task, defaults), coroutines, job, task)

    return {
        Kind.IO: async_to_sync(run_in_time),
        Kind.THREAD: plain.call,
        Kind.CPU: plain.call,
    }
