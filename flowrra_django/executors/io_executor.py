"""Coroutines, many at once, on the event loop."""

from __future__ import annotations

from collections.abc import Callable

from ..config import Config
from ..engine.wiring import Wiring
from ..job import Kind
from ..registry import Function, TaskRegistry, kind_of
from ..runners.coroutine import CoroutineRunner
from .base import BaseTaskExecutor


class IOExecutor(BaseTaskExecutor):
    """Runs coroutine functions, `io_workers` at once.

    Without a config, jobs wait in a priority queue in the process and results stay in memory.
    """

    def __init__(
        self,
        config: Config | None = None,
        registry: TaskRegistry | None = None,
        *,
        wiring: Wiring | None = None,
    ) -> None:
        super().__init__(config or Config(), registry, f":{Kind.IO.value}", wiring=wiring)

    def task(
        self, name: str | None = None, max_retries: int = 3, retry_delay: float = 1.0
    ) -> Callable[[Function], Function]:
        """Register a coroutine function; the name defaults to the function's.

        Raises TypeError for a plain or CPU-bound function.
        """
        register = self.registry.task(name, max_retries=max_retries, retry_delay=retry_delay)

        def decorate(func: Function) -> Function:
            if kind_of(func) is not Kind.IO:
                raise TypeError(
                    f"IOExecutor runs coroutine functions, and {func.__qualname__} is none. "
                    "Write it with 'async def', or use a ThreadExecutor or CPUExecutor."
                )
            return register(func)

        return decorate

    async def start(self) -> None:
        hooks = self._wiring.hooks
        runner = CoroutineRunner(
            self._stores.backend.codec,
            surround=hooks.surround_coroutine,
            call_sync=hooks.call_sync,
        )
        await self._start(runner, self.config.executor.io_workers)

    async def stop(self, wait: bool = True, timeout: float | None = 30.0) -> None:
        await self._stop(wait, timeout)
