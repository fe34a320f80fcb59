"""Coroutines, on the event loop that the consumer runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from ..job import Job, Outcome, Succeeded
from ..registry import Task
from ..serialization import Codec, has_references
from .base import BaseRunner, Begun, failed, unnoticed
from .forks import awaited

AsyncSurround = Callable[[], AbstractAsyncContextManager[object]]
CallSync = Callable[..., Awaitable[Any]]


class CoroutineRunner(BaseRunner):
    """Awaits each job's coroutine in the asyncio task that called `run`.

    `surround` makes what is entered around each job; `call_sync(func, *args)` calls what may block,
    off the event loop, within it.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        surround: AsyncSurround = nullcontext,
        call_sync: CallSync = asyncio.to_thread,
    ) -> None:
        self._codec = codec
        self._surround = surround
        self._call_sync = call_sync

    async def start(self) -> None:
        """Be ready as one is."""

    async def stop(self) -> None:
        """Have nothing to stop: the jobs' asyncio tasks are the caller's."""

    async def run(self, job: Job, task: Task, begun: Begun = unnoticed) -> Outcome:
        try:
            async with self._surround():
                args, kwargs = job.args, job.kwargs
                if has_references(args) or has_references(kwargs):
                    args, kwargs = await self._call_sync(self._decoded, args, kwargs)
                else:
                    args, kwargs = self._decoded(args, kwargs)
                begun()
                result = await awaited(task.call_for(job), args, kwargs)
            return Succeeded(self._codec.encode(result))
        except asyncio.CancelledError as error:
            if _is_cancelled_from_outside():
                raise
            return failed(error)
        except BaseException as error:  # SystemExit and its like are the job's failure alone
            return failed(error)

    def _decoded(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        return self._codec.decode(args), self._codec.decode(kwargs)


def _is_cancelled_from_outside() -> bool:
    running = asyncio.current_task()
    return running is not None and running.cancelling() > 0
