"""Plain functions that wait for something, in threads: most of the code of a Django site."""

from __future__ import annotations

from collections.abc import Callable

from ..config import Config
from ..engine.wiring import Wiring
from ..job import Kind
from ..registry import Function, TaskRegistry, kind_of
from ..runners.thread import ThreadRunner
from .base import BaseTaskExecutor


class ThreadExecutor(BaseTaskExecutor):
    """Runs plain functions, `thread_workers` at once."""

    def __init__(
        self,
        config: Config | None = None,
        registry: TaskRegistry | None = None,
        *,
        wiring: Wiring | None = None,
    ) -> None:
        super().__init__(config or Config(), registry, f":{Kind.THREAD.value}", wiring=wiring)

    def task(
        self, name: str | None = None, max_retries: int = 3, retry_delay: float = 1.0
    ) -> Callable[[Function], Function]:
        """Register a plain function; the name defaults to the function's.

        Raises TypeError for a coroutine function.
        """
        register = self.registry.task(name, max_retries=max_retries, retry_delay=retry_delay)

        def decorate(func: Function) -> Function:
            if kind_of(func) is not Kind.THREAD:
                raise TypeError(
                    f"ThreadExecutor runs plain functions, and {func.__qualname__} is a "
                    "coroutine function. Use an IOExecutor."
                )
            return register(func)

        return decorate

    async def start(self) -> None:
        slots = self.config.executor.thread_workers
        surround = self._wiring.hooks.surround_thread
        runner = ThreadRunner(slots, self._stores.backend.codec, surround=surround)
        await self._start(runner, slots)

    async def stop(self, wait: bool = True, timeout: float | None = 30.0) -> None:
        await self._stop(wait, timeout)
