"""What the executors share that each run one kind of code: how they are made, what they take."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import Any

from ..config import Config
from ..engine.wiring import Wiring
from ..job import Kind
from ..registry import Function, TaskRegistry, kind_of
from .base import BaseTaskExecutor

REFUSALS = {
    Kind.IO: (
        "IOExecutor runs coroutine functions, and {} is none. "
        "Write it with 'async def', or use a ThreadExecutor or CPUExecutor."
    ),
    Kind.THREAD: (
        "ThreadExecutor runs plain functions, and {} is a coroutine function. Use an IOExecutor."
    ),
    Kind.CPU: "CPU-bound task {} must be a plain function, not a coroutine. Use an IOExecutor.",
}


class KindExecutor(BaseTaskExecutor, ABC):
    """An executor whose class says which `kind` of code it runs."""

    kind: Kind

    def __init__(
        self,
        config: Config | None = None,
        registry: TaskRegistry | None = None,
        *,
        wiring: Wiring | None = None,
    ) -> None:
        super().__init__(config or Config(), registry, f":{self.kind.value}", wiring=wiring)

    def task(
        self, name: str | None = None, max_retries: int = 3, retry_delay: float = 1.0
    ) -> Callable[[Function], Function]:
        """Register a function of this kind of code; the name defaults to the function's.

        Raises TypeError for any other function.
        """
        options = {"max_retries": max_retries, "retry_delay": retry_delay}
        register = self.registry.task(name, cpu_bound=self.kind is Kind.CPU, **options)

        def decorate(func: Function) -> Function:
            self._check(func)
            return register(func)

        return decorate

    async def stop(self, wait: bool = True, timeout: float | None = 30.0) -> None:
        await self._stop(wait, timeout)

    def _check(self, func: Callable[..., Any]) -> None:
        """Raise TypeError for a function that cannot be run here."""
        is_coroutine = kind_of(func) is Kind.IO
        if is_coroutine is not (self.kind is Kind.IO):
            raise TypeError(REFUSALS[self.kind].format(func.__qualname__))
