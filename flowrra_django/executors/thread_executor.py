"""Plain functions that wait for something, in threads: most of the code of a Django site."""

from __future__ import annotations

from ..job import Kind
from ..runners.thread import ThreadRunner
from .kinds import KindExecutor


class ThreadExecutor(KindExecutor):
    """Runs plain functions, `thread_workers` at once."""

    kind = Kind.THREAD

    async def start(self) -> None:
        slots = self.config.executor.thread_workers
        surround = self._wiring.hooks.surround_thread
        runner = ThreadRunner(slots, self._stores.backend.codec, surround=surround)
        await self._start(runner, slots)
