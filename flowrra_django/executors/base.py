"""What all executors have: a registry, a way in, results, and a consumer while they run."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

from ..config import Config
from ..engine.consumer import Consumer, Serving, is_inside_job
from ..engine.dispatch import Call, Dispatcher
from ..engine.heartbeat import Heartbeat
from ..engine.wiring import Wiring, standalone
from ..exceptions import ExecutorNotRunningError
from ..job import Kind
from ..registry import Task, TaskRegistry
from ..results import TaskResult
from ..retry import Limits
from ..runners.base import BaseRunner

logger = logging.getLogger(__name__)

FULL_QUEUE_SECONDS = 0.01
STOPPED = "The executor was stopped while the job was waited for."


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
        self._heartbeat: Heartbeat | None = None
        self._waits: set[asyncio.Task[TaskResult]] = set()
        self._room = 0

    @property
    def is_running(self) -> bool:
        return self._consumer is not None

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
        self, task_func: Callable[..., Any], *args: Any, priority: int = 0, **kwargs: Any
    ) -> str:
        """Enqueue a call of a registered function; return the job's id.

        A lower priority number runs first. Waits while the queue is full, but not when called
        from inside a job, which might be what has to end first.

        Raises TaskNotFoundError if the function is not registered, ExecutorNotRunningError if the
        executor is not started, TypeError if it is not this executor's kind of code.
        """
        task = self._task_of(task_func)
        if not is_inside_job():
            await self._until_there_is_room()
        call = Call(task=task, args=args, kwargs=kwargs, priority=priority)
        task_ids = await self._stores.run(self._dispatcher.enqueue, [call])
        return task_ids[0]

    async def wait_for_result(self, task_id: str, timeout: float | None = None) -> TaskResult:
        """Wait until the job is final, and return it.

        Raises TaskTimeoutError after `timeout` seconds, JobNotFoundError for an unknown or deleted
        id, ExecutorNotRunningError if the executor is stopped meanwhile.
        """
        wait = asyncio.ensure_future(self._stores.wait(task_id, timeout))
        self._waits.add(wait)
        try:
            return await wait
        except asyncio.CancelledError:
            if wait.cancelled() and not _is_cancelling():
                raise ExecutorNotRunningError(STOPPED) from None
            wait.cancel()
            raise
        finally:
            self._waits.discard(wait)

    async def get_result(self, task_id: str) -> TaskResult | None:
        """Return the job as it stands, or None if there is none of that id."""
        results = await self._stores.run(self._stores.backend.results, [task_id])
        return results.get(task_id)

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
        if self.is_running:
            return
        if self._owns_presence:
            await self._appear()
        limits = Limits(self.config.executor.max_retries, self.config.executor.retry_delay)
        queues = self._wiring.queues
        serving = Serving(kind=self.kind, queues=queues, slots=slots, defaults=limits)
        presence = self._wiring.presence
        consumer = Consumer(self._stores, presence, self.registry, runner, serving)
        await consumer.start()
        self._consumer = consumer
        logger.debug("%s started, %d at once.", type(self).__name__, slots)

    async def _stop(self, wait: bool, timeout: float | None) -> None:
        if self._consumer is None:
            return
        consumer, self._consumer = self._consumer, None
        if wait:
            await self._let_finish(consumer, timeout)
        await consumer.stop()
        if self._wiring.is_owner:
            self._cancel_the_rest(consumer)
        for waiting in self._waits:
            waiting.cancel()
        if self._owns_presence:
            await self._disappear()
        logger.debug("%s stopped.", type(self).__name__)

    async def _let_finish(self, consumer: Consumer, timeout: float | None) -> None:
        """Finish all that waits if nobody else would, else only what was taken."""
        finishing = consumer.finish() if self._wiring.is_owner else consumer.drain()
        try:
            await asyncio.wait_for(finishing, timeout)
        except TimeoutError:
            logger.warning("Not all jobs ended within %s s; the rest is stopped.", timeout)

    def _cancel_the_rest(self, consumer: Consumer) -> None:
        while waiting := self._stores.backend.waiting(consumer.serving.lanes, 1000):
            self._stores.cancel(waiting)

    async def _appear(self) -> None:
        await self._stores.run(self._wiring.presence.enlist)
        if self._stores.backend.is_shared:
            interval = self.config.executor.heartbeat_interval
            self._heartbeat = Heartbeat(self._stores, self._wiring.presence, interval)
            self._heartbeat.start()

    async def _disappear(self) -> None:
        if self._heartbeat is not None:
            await asyncio.to_thread(self._heartbeat.stop)
            self._heartbeat = None
        await self._stores.run(self._wiring.presence.dismiss)
        await asyncio.to_thread(self._stores.place.stop)

    def _task_of(self, func: Callable[..., Any]) -> Task:
        if not self.is_running:
            raise ExecutorNotRunningError
        task = self.registry.find(func)
        if task.kind is not self.kind:
            raise TypeError(
                f"Task {task.name!r} is of kind {task.kind.value!r}; {type(self).__name__} runs "
                f"{self.kind.value!r}. Submit it to the executor of its kind."
            )
        return task

    async def _until_there_is_room(self) -> None:
        limit = self.config.executor.max_queue_size
        while self._room <= 0:
            lanes = self.consumer.serving.lanes
            room = limit - await self._stores.run(self._stores.broker.depth, lanes, limit)
            self._room = room if not self._stores.backend.is_shared else (room + 9) // 10
            if room <= 0:
                await asyncio.sleep(FULL_QUEUE_SECONDS)
        self._room -= 1


def _is_cancelling() -> bool:
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0
