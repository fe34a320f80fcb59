"""Plain functions, in a pool of threads."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

from ..job import Job, Outcome, Succeeded
from ..registry import Task
from ..serialization import Codec
from .base import BaseRunner, failed

THREAD_PREFIX = "flowrra-job"

Surround = Callable[[], AbstractContextManager[object]]


class ThreadRunner(BaseRunner):
    """Runs each job on a thread of its pool, in a context of its own.

    A thread cannot be stopped: a job whose `run` is cancelled goes on, and nobody listens to it.
    `surround` makes what is entered around each job, on its thread.
    """

    def __init__(self, slots: int, codec: Codec, *, surround: Surround = nullcontext) -> None:
        self._slots = slots
        self._codec = codec
        self._surround = surround
        self._pool: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix=THREAD_PREFIX)

    async def stop(self) -> None:
        """Let idle threads end; one whose job still runs ends with it."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, job: Job, task: Task) -> Outcome:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, context.run, self._call, job, task)

    def _call(self, job: Job, task: Task) -> Outcome:
        try:
            with self._surround():
                args, kwargs = self._codec.decode(job.args), self._codec.decode(job.kwargs)
                result = self._codec.encode(task.func(*args, **kwargs))
            return Succeeded(result)
        except BaseException as error:  # SystemExit and its like are the job's failure alone
            return failed(error)
