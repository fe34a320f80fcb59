"""Coroutines, many at once, on the event loop."""

from __future__ import annotations

from ..job import Kind
from ..runners.coroutine import CoroutineRunner
from .kinds import KindExecutor


class IOExecutor(KindExecutor):
    """Runs coroutine functions, `io_workers` at once.

    Without a config, jobs wait in a priority queue in the process and results stay in memory.
    """

    kind = Kind.IO

    async def start(self) -> None:
        hooks = self._wiring.hooks
        runner = CoroutineRunner(
            self._stores.backend.codec,
            surround=hooks.surround_coroutine,
            call_sync=hooks.call_sync,
        )
        await self._start(runner, self.config.executor.io_workers)
