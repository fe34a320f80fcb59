"""A run that may take only so long."""

from __future__ import annotations

import asyncio
from functools import partial

from ..exceptions import JobTimeoutError
from ..job import Failed, Job, Outcome
from ..registry import Task
from .base import BaseRunner, Begun, failed, unnoticed


async def run_within(
    seconds: float | None, runner: BaseRunner, job: Job, task: Task, begun: Begun = unnoticed
) -> Outcome:
    """Run a job; when its time is up, stop its code, as far as its runner can.

    Its time counts from when the runner has all that the code needs: not the start of a process.
    A coroutine is cancelled and may still clean up. Whatever it then returns or raises, it took
    too long.
    """
    if seconds is None:
        return await runner.run(job, task, begun)
    try:
        async with asyncio.timeout(None) as limit:
            outcome = await runner.run(job, task, partial(_begin, begun, limit, seconds))
    except TimeoutError:  # of the limit: no runner raises one
        return _too_long(seconds, runner)
    return _too_long(seconds, runner) if limit.expired() else outcome


def _begin(begun: Begun, limit: asyncio.Timeout, seconds: float) -> None:
    begun()
    limit.reschedule(asyncio.get_running_loop().time() + seconds)


def _too_long(seconds: float, runner: BaseRunner) -> Failed:
    return failed(JobTimeoutError(seconds, is_stopped=runner.can_stop))
