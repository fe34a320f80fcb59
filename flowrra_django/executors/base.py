"""What all executors have: a registry, a way in, results, and a consumer while they run."""

from __future__ import annotations

import asyncio
import logging
import sys
from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, Self
from weakref import WeakKeyDictionary

from ..config import Config
from ..context import current_run
from ..engine.consumer import Consumer
from ..engine.dispatch import Call, Dispatcher
from ..engine.serving import Serving
from ..engine.wiring import Wiring, standalone
from ..exceptions import ExecutorNotRunningError
from ..job import Kind, all_lanes
from ..registry import Task, TaskRegistry
from ..results import TaskResult
from ..retry import Limits
from ..runners.base import BaseRunner
from .membership import Membership
from .room import Room
from .waiting import Waits, to_the_end

logger = logging.getLogger(__name__)

FULL_QUEUE_SECONDS = 0.01


class BaseTaskExecutor(ABC):
    """Runs tasks of one kind of code. The suffix names the kind, and so the lanes: `:io`."""

    def __init__(
        self,
        config: Config,
        registry: TaskRegistry | None = None,
        queue_suffix: str = "",
        *,
        wiring: Wiring | None = None,
    ) -> None:
        self.config = config
        self.registry = TaskRegistry() if registry is None else registry
        self.kind = Kind(queue_suffix.removeprefix(":") or Kind.IO)
        self._wiring = wiring or standalone(config)
        self._owns_presence = wiring is None
        self._stores = self._wiring.stores
        self._dispatcher = Dispatcher(
            self._stores,
            max_payload_bytes=config.backend.max_payload_bytes if config.backend else None,
        )
        self._consumer: Consumer | None = None
        interval = config.executor.heartbeat_interval
        self._membership = Membership(self._stores, self._wiring.presence, interval)
        self._waits = Waits(self._stores)
        self._room = Room(self._stores, config.executor.max_queue_size)
        self._locks: WeakKeyDictionary[AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
        self._is_stopping = False
        self._finishing: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._consumer is not None and not self._is_stopping

    @property
    def consumer(self) -> Consumer:
        """What takes and runs the jobs; ExecutorNotRunningError while there is none."""
        if self._consumer is None:
            raise ExecutorNotRunningError
        return self._consumer

    def is_broker(self) -> bool:
        """Whether jobs wait in a broker, and not only in the memory of this process."""
        return self.config.broker is not None and self.config.broker.family != "memory"

    def task(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Register a task: `registry.task`."""
        return self.registry.task(*args, **kwargs)

    # The way in, and results

    async def submit(
        self, /, task_func: Callable[..., Any], *args: Any, priority: int = 0, **kwargs: Any
    ) -> str:
        """Enqueue a call of a registered function; return the job's id.

        A lower priority number runs first. Waits while the queue is full, but not when called
        from inside a job, which might be what has to end first. A job may submit others even
        while a stop waits for it.

        Raises TaskNotFoundError if the function is not registered, ExecutorNotRunningError if the
        executor is not started, TypeError if it is not this executor's kind of code or for
        arguments that the ledger cannot carry.
        """
        task = self._task_of(task_func)
        while not (current_run() or await self._room.take(self.consumer.serving.lanes)):
            await asyncio.sleep(FULL_QUEUE_SECONDS)
            self._check_open()
        queue = self._wiring.private_queue or task.queue
        self._serve(queue)
        call = Call(task=task, args=args, kwargs=kwargs, queue=queue, priority=priority)
        task_ids = await self._stores.run(self._dispatcher.enqueue, [call])
        return task_ids[0]

    async def wait_for_result(self, task_id: str, timeout: float | None = None) -> TaskResult:
        """Wait until the job is final, and return it.

        Raises TaskTimeoutError after `timeout` seconds, JobNotFoundError for an unknown or deleted
        id, ExecutorNotRunningError if the executor is stopped meanwhile.
        """
        return await self._waits.result(task_id, timeout)

    async def get_result(self, task_id: str) -> TaskResult | None:
        """Return the job as it stands, or None if there is none of that id."""
        results = await self._stores.run(self._stores.backend.results, [task_id])
        return results.get(task_id)

    async def cancel(self, task_id: str, by: str = "code") -> bool:
        """Cancel a job that waits, or have one that runs stopped, as far as that is possible.

        Returns whether it was either. `by` is who asks, for `TaskResult.cancelled_by`.
        """
        return bool(await self._stores.run(self._stores.cancel, [task_id], by=by))

    # Starting and stopping

    @abstractmethod
    async def start(self) -> None:
        """Begin to run jobs. Does nothing if that has begun."""

    @abstractmethod
    async def stop(self, wait: bool = True, timeout: float | None = 30.0) -> None:
        """Stop running jobs; with `wait`, finish first, for up to `timeout` seconds."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def _start(self, runner: BaseRunner, slots: int) -> None:
        async with self._changing():
            if self._consumer is not None:
                return
            if self._owns_presence:
                await self._membership.begin()
            options = self.config.executor
            limits = Limits(options.max_retries, options.retry_delay, options.timeout)
            serving = Serving(
                kind=self.kind,
                queues=self._queues(),
                slots=slots,
                defaults=limits,
                shares=self._wiring.shares,
                ageing=options.ageing,
            )
            presence = self._wiring.presence
            on_event = self._wiring.hooks.on_event
            consumer = Consumer(self._stores, presence, self.registry, runner, serving, on_event)
            await consumer.start()
            self._consumer = consumer
            self._membership.stopper.consumers = [consumer]
        logger.debug("%s started, %d at once.", type(self).__name__, slots)

    async def _stop(self, wait: bool, timeout: float | None) -> None:
        if not wait and self._finishing is not None:
            self._finishing.cancel()  # a stop that waits is hurried by one that does not
        async with self._changing():
            consumer = self._consumer
            if consumer is None:
                await to_the_end(self._let_go())
                return
            self._is_stopping = True
            try:
                if wait:
                    await self._let_finish(consumer, timeout)
            finally:
                await to_the_end(self._halt(consumer))
        logger.debug("%s stopped.", type(self).__name__)

    def _changing(self) -> asyncio.Lock:
        """Return the lock for starts and stops: one for each loop, as a lock knows one only."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    async def _let_finish(self, consumer: Consumer, timeout: float | None) -> None:
        """Finish all that waits if nobody else would, else only what was taken."""
        finish = consumer.finish if self._wiring.is_owner else consumer.drain
        finishing = self._finishing = asyncio.create_task(finish(), name="flowrra-finish")
        try:
            done, _ = await asyncio.wait([finishing], timeout=timeout)
        finally:
            self._finishing = None
            finishing.cancel()
        if not done:
            logger.warning("Not all jobs ended within %s s; the rest is stopped.", timeout)
        elif not finishing.cancelled():
            finishing.result()

    async def _halt(self, consumer: Consumer) -> None:
        """Leave nothing running, nobody waiting, and no job to a worker that is gone."""
        self._consumer, self._is_stopping = None, False
        await consumer.stop()
        await self._waits.wake()
        if self._owns_presence:
            await self._membership.end()
        if self._wiring.is_owner:
            lanes = all_lanes(consumer.serving.queues)
            self._stores.cancel(self._stores.backend.waiting(lanes, sys.maxsize))
        await self._let_go()

    async def _let_go(self) -> None:
        await self._waits.wake()
        if self._owns_presence:
            await asyncio.to_thread(self._stores.stop)

    # Below, what submit is made of

    def _task_of(self, func: Callable[..., Any]) -> Task:
        self._check_open()
        task = self.registry.find(func)
        if task.kind is not self.kind:
            raise TypeError(
                f"Task {task.name!r} is of kind {task.kind.value!r}; {type(self).__name__} runs "
                f"{self.kind.value!r}. Submit it to the executor of its kind."
            )
        return task

    def _check_open(self) -> None:
        if not self.is_running and not (self._is_stopping and current_run()):
            raise ExecutorNotRunningError

    def _queues(self) -> tuple[str, ...]:
        queues = self._wiring.queues
        if self._owns_presence and self._wiring.private_queue is None:
            queues += tuple({task.queue for task in self.registry}.difference(queues))
        return queues

    def _serve(self, queue: str) -> None:
        """Serve the queue of a job that is submitted here, when nobody has said which to serve."""
        served = self.consumer.serving.queues
        if self._owns_presence and queue not in served:
            self.consumer.serve((*served, queue))
