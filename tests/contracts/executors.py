"""The executors that the contract suite runs over, each on every store.

A new executor or store adds itself to a table here.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from flowrra_django.config import BackendConfig, BrokerConfig, Config, ExecutorConfig
from flowrra_django.executors.base import BaseTaskExecutor
from flowrra_django.executors.cpu_executor import CPUExecutor
from flowrra_django.executors.io_executor import IOExecutor
from flowrra_django.executors.thread_executor import ThreadExecutor
from flowrra_django.registry import TaskRegistry
from flowrra_django.results import TaskResult, TaskStatus
from tests.contracts import coroutine_tasks, plain_tasks
from tests.contracts.namespace import redis_config


@dataclass(frozen=True, kw_only=True)
class Kind:
    """An executor class, the functions that it can run, and one that it cannot."""

    name: str
    create: Callable[[Config, TaskRegistry | None], BaseTaskExecutor]
    tasks: ModuleType
    others: ModuleType
    can_stop_jobs: bool = True


@dataclass(frozen=True, kw_only=True)
class Store:
    """Where executors keep jobs. `url` names a new one; `needs` is the fixture it stands on."""

    name: str
    url: Callable[[], str]
    needs: str = "clock"
    server: str = ""
    is_private: bool = False
    keeps_objects: bool = False
    namespace: str = "flowrra"

    def config(self, **options: int) -> Config:
        backend = BackendConfig(self.url(), namespace=self.namespace)
        return Config(backend.as_config_of(BrokerConfig), backend, ExecutorConfig(**options))


KINDS = (
    Kind(name="io", create=IOExecutor, tasks=coroutine_tasks, others=plain_tasks),
    Kind(
        name="thread",
        create=ThreadExecutor,
        tasks=plain_tasks,
        others=coroutine_tasks,
        can_stop_jobs=False,
    ),
    Kind(name="cpu", create=CPUExecutor, tasks=plain_tasks, others=coroutine_tasks),
)
STORES = (
    Store(name="private", url=lambda: "memory://", is_private=True, keeps_objects=True),
    Store(name="named", url=lambda: f"memory://{uuid.uuid4().hex}", keeps_objects=True),
    Store(name="sqlite", url=lambda: "django://default", needs="ledger_database"),
    Store(
        name="postgresql",
        url=lambda: "django://postgresql",
        needs="ledger_database",
        server="postgres",
    ),
    Store(
        name="mariadb",
        url=lambda: "django://mariadb",
        needs="ledger_database",
        server="mysql",
    ),
    Store(
        name="redis",
        url=lambda: redis_config().url,
        needs="ledger_redis",
        server="redis",
        namespace=redis_config().namespace,
    ),
)


class Bench:
    """One kind of executor, one store, and a folder in which jobs and test meet."""

    def __init__(self, kind: Kind, store: Store, folder: Path) -> None:
        self.kind = kind
        self.store = store
        self.folder = folder
        self.config = store.config()

    def executor(self, slots: int = 1, registry: TaskRegistry | None = None, **options: Any) -> Any:
        """Return a new executor. All that a bench makes share a store, if it can be shared."""
        options |= {f"{kind}_workers": slots for kind in ("io", "thread", "cpu")}
        config = Config(self.config.broker, self.config.backend, ExecutorConfig(**options))
        return self.kind.create(config, registry)

    def task(self, executor: Any, name: str, **options: Any) -> Any:
        """Register one of the suite's functions; by default it is not run again."""
        func = getattr(self.kind.tasks, name)
        return executor.task(**{"max_retries": 0, "retry_delay": 0.0, **options})(func)

    async def begin(self, executor: Any, name: str = "held") -> str:
        """Submit a job that holds its slot until told, and return its id when it has begun."""
        task = self.task(executor, "hold")
        task_id: str = await executor.submit(task, str(self.folder), name)
        await eventually((self.folder / f"{name}.began").exists)
        return task_id

    def let_end(self, name: str = "held") -> None:
        (self.folder / f"{name}.end").touch()

    @property
    def notes(self) -> list[str]:
        return plain_tasks.notes_in(self.folder)


async def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Return what the condition returns, as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "It did not come about in time."
        await asyncio.sleep(0.002)
    return value


async def status_of(executor: BaseTaskExecutor, task_id: str) -> TaskStatus:
    result = await executor.get_result(task_id)
    assert result is not None
    return result.status


async def ended(executor: BaseTaskExecutor, task_id: str, seconds: float = 10.0) -> TaskResult:
    return await executor.wait_for_result(task_id, timeout=seconds)
