"""Waiting: for results, until an executor stops, and for what must not be left half done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ..engine.stores import Stores
from ..exceptions import ExecutorNotRunningError
from ..results import TaskResult

STOPPED = "The executor was stopped while the job was waited for."


class Waits:
    """Those who wait for results through one executor, for its stop to wake them."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._tasks: set[asyncio.Task[TaskResult]] = set()

    async def result(self, task_id: str, timeout: float | None) -> TaskResult:
        """Return the job once it is final; raise ExecutorNotRunningError on `wake` if it is not."""
        task = asyncio.create_task(self._result(task_id, timeout), name="flowrra-wait")
        self._tasks.add(task)
        try:
            return await asyncio.shield(task)
        finally:
            self._tasks.discard(task)
            task.cancel()

    async def wake(self) -> None:
        """Have nobody wait any more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _result(self, task_id: str, timeout: float | None) -> TaskResult:
        try:
            return await self._stores.wait(task_id, timeout)
        except asyncio.CancelledError:
            if asyncio.current_task() not in self._tasks:  # who waited has given up
                raise
        result = await self._stores.run(self._stores.result, task_id)
        if not result.is_complete:  # it has not ended just before the stop
            raise ExecutorNotRunningError(STOPPED)
        return result


async def to_the_end(coroutine: Coroutine[Any, Any, None]) -> None:
    """Await it, however often cancelled meanwhile; only then raise CancelledError."""
    task = asyncio.create_task(coroutine)
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
