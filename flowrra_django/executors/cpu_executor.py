"""CPU-bound functions, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..config import Config
from ..engine.wiring import Wiring
from ..job import Kind
from ..registry import TaskRegistry
from ..runners.process import ProcessRunner
from ..runners.reference import check_importable
from .kinds import KindExecutor


class CPUExecutor(KindExecutor):
    """Runs plain, picklable, module-level functions, `cpu_workers` at once.

    Each slot is a `ProcessPoolExecutor` of one process, so that one that dies takes down its own
    job alone; after `max_jobs_per_child` jobs it is replaced. Raises ValueError without a config,
    or with one that has no backend.
    """

    kind = Kind.CPU

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
        super().__init__(config, registry, wiring=wiring)

    async def start(self) -> None:
        settings = self.config.executor
        hooks = self._wiring.hooks
        runner = ProcessRunner(
            settings.cpu_workers,
            self._stores.backend.codec,
            initializer=hooks.initializer,
            preload=hooks.preload,
            surround=hooks.surround_child,
            max_jobs=settings.max_jobs_per_child,
        )
        await self._start(runner, settings.cpu_workers)

    def _check(self, func: Callable[..., Any]) -> None:
        super()._check(func)
        check_importable(func)
