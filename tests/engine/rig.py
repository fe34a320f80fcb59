"""A consumer with its parts, on a ledger that can be made to fail."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, Self

from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.consumer import Consumer
from flowrra_django.engine.dispatch import Call, Dispatcher
from flowrra_django.engine.presence import Presence
from flowrra_django.engine.serving import Serving
from flowrra_django.engine.stores import Stores
from flowrra_django.job import Kind
from flowrra_django.registry import Task, TaskRegistry
from flowrra_django.retry import Limits
from flowrra_django.runners.base import BaseRunner
from flowrra_django.runners.coroutine import CoroutineRunner
from flowrra_django.serialization import ObjectCodec
from tests.executors.stores import SharedBackend


class Rig:
    """Stores that are worked on by a thread, one worker, and a consumer of coroutines."""

    def __init__(
        self,
        slots: int = 2,
        queues: tuple[str, ...] = ("default",),
        runner: Any = None,
        on_event: Any = None,
    ) -> None:
        self.backend = SharedBackend()
        self.stores = Stores(self.backend, MemoryBroker(self.backend))
        self.registry = TaskRegistry()
        self.presence = Presence(self.backend, WorkerInfo(worker_id=uuid.uuid4().hex))
        serving = Serving(kind=Kind.IO, queues=queues, slots=slots, defaults=Limits(0, 0.0))
        self.runner: BaseRunner = runner or CoroutineRunner(ObjectCodec())
        self.consumer = Consumer(
            self.stores, self.presence, self.registry, self.runner, serving, on_event
        )
        self.dispatcher = Dispatcher(self.stores)

    async def __aenter__(self) -> Self:
        self.presence.enlist()
        await self.consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.consumer.stop()
        await asyncio.to_thread(self.stores.close)

    def task(self, func: Any, **options: Any) -> Task:
        return self.registry.add(Task(name=func.__name__, func=func, kind=Kind.IO, **options))

    def enqueue(self, task: Task, *args: Any, **options: Any) -> str:
        (task_id,) = self.dispatcher.enqueue([Call(task=task, args=args, **options)])
        return task_id

    async def result(self, task_id: str, seconds: float = 5.0) -> Any:
        return await self.stores.wait(task_id, seconds)

    def status(self, task_id: str) -> Any:
        return self.stores.result(task_id).status
