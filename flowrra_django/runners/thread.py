"""Plain functions, in a pool of threads."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

from ..job import GivenBack, Job, Outcome, Succeeded
from ..registry import Task
from ..serialization import Codec
from .base import BaseRunner, Begun, Surround, failed, unnoticed
from .forks import called

logger = logging.getLogger(__name__)

THREAD_PREFIX = "flowrra-job"
STOPPED = "The thread runner stops."


class ThreadRunner(BaseRunner):
    """Runs each job on a thread of its pool, in a context of its own.

    A thread cannot be stopped: a job whose `run` is cancelled goes on, and nobody listens to it.
    Later jobs get a pool without that thread, which ends with its job.
    `surround` makes what is entered around each job, on its thread.
    """

    can_stop = False

    def __init__(self, slots: int, codec: Codec, *, surround: Surround = nullcontext) -> None:
        self._slots = slots
        self._codec = codec
        self._surround = surround
        self._pool: ThreadPoolExecutor | None = None
        self._abandoned: set[Future[Outcome]] = set()

    @property
    def abandoned(self) -> int:
        """How many threads go on with jobs that were given up."""
        return len(self._abandoned)

    async def start(self) -> None:
        self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix=THREAD_PREFIX)

    async def stop(self) -> None:
        """Let idle threads end; one whose job still runs ends with it."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, job: Job, task: Task, begun: Begun = unnoticed) -> Outcome:
        if self._pool is None:
            return GivenBack(STOPPED, started=False)
        context = contextvars.copy_context()
        call = self._pool.submit(context.run, self._call, job, task)
        begun()
        try:
            return await asyncio.wrap_future(call)
        except asyncio.CancelledError:
            self._replace_pool()
            self._abandon(call, job)
            raise

    def _abandon(self, call: Future[Outcome], job: Job) -> None:
        """Count a thread for as long as its job goes on."""
        if call.done():
            return
        self._abandoned.add(call)
        call.add_done_callback(self._abandoned.discard)
        logger.warning(
            "Job %s (%s) was given up, and goes on: a thread cannot be stopped. "
            "Such threads of this worker now: %d.",
            job.task_id,
            job.task_name,
            self.abandoned,
        )

    def _replace_pool(self) -> None:
        """Leave the thread of a job that goes on out of the count of those for the next ones."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix=THREAD_PREFIX)

    def _call(self, job: Job, task: Task) -> Outcome:
        try:
            with self._surround():
                args, kwargs = self._codec.decode(job.args), self._codec.decode(job.kwargs)
                result = self._codec.encode(called(task.call_for(job), args, kwargs))
            return Succeeded(result)
        except BaseException as error:  # SystemExit and its like are the job's failure alone
            return failed(error)
