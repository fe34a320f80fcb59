"""CPU-bound functions, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

from ..config import Config
from ..engine.wiring import Wiring
from ..job import Kind
from ..registry import Function, TaskRegistry, kind_of
from ..runners.process import ProcessRunner
from ..runners.reference import check_importable
from .base import BaseTaskExecutor


class CPUExecutor(BaseTaskExecutor):
    """Runs plain, picklable, module-level functions, `cpu_workers` at once.

    Each slot is a `ProcessPoolExecutor` of one process, so that one that dies takes down its own
    job alone. Raises ValueError without a config, or with one that has no backend.
    """

    def __init__(
        self,
        config: Config | None,
        registry: TaskRegistry | None = None,
        *,
        wiring: Wiring | None = None,
    ) -> None:
        if config is None or config.backend is None:
            raise ValueError(
                "CPUExecutor needs a config with a backend for its results. "
                "Write Config(backend=BackendConfig('memory://')), or name a database or Redis."
            )
        super().__init__(config, registry, f":{Kind.CPU.value}", wiring=wiring)

    def task(
        self, name: str | None = None, max_retries: int = 3, retry_delay: float = 1.0
    ) -> Callable[[Function], Function]:
        """Register a plain function of a module; the name defaults to the function's.

        Raises TypeError for a coroutine function, and for one that a child process cannot import.
        """
        options = {"max_retries": max_retries, "retry_delay": retry_delay}
        register = self.registry.task(name, cpu_bound=True, **options)

        def decorate(func: Function) -> Function:
            kind_of(func, cpu_bound=True)
            check_importable(func)
            return register(func)

        return decorate

    async def start(self) -> None:
        slots = self.config.executor.cpu_workers
        hooks = self._wiring.hooks
        runner = ProcessRunner(
            slots,
            self._stores.backend.codec,
            initializer=hooks.initializer,
            preload=hooks.preload,
            surround=hooks.surround_child,
        )
        await self._start(runner, slots)

    async def stop(self, wait: bool = True, timeout: float | None = 30.0) -> None:
        await self._stop(wait, timeout)
