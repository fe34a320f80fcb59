"""The worker's life: appear, run jobs, drain, go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from ..config import Config
from ..engine.cancelling import Stopper
from ..engine.consumer import Consumer
from ..engine.heartbeat import Heartbeat
from ..engine.hooks import Hooks
from ..engine.presence import Presence
from ..engine.stores import Stores
from ..engine.turns import ALIKE, Shares
from ..engine.wiring import Wiring, describe_self
from ..executors.base import BaseTaskExecutor
from ..executors.cpu_executor import CPUExecutor
from ..executors.io_executor import IOExecutor
from ..executors.kinds import KindExecutor
from ..executors.thread_executor import ThreadExecutor
from ..job import Kind
from ..registry import TaskRegistry
from .ending import Ending
from .line import LEAVING, READY, UNSUPERVISED, Line
from .orphans import Orphans
from .retirement import ENDLESS, Lifespan, Retirement
from .services import Doubt, Expire, Prune, Queues, Rescue, Sweep, repeat
from .statistics import Statistics
from .watchdog import Sign, Watchdog

logger = logging.getLogger(__name__)

EXECUTORS: tuple[type[KindExecutor], ...] = (IOExecutor, ThreadExecutor, CPUExecutor)
PRUNE_SECONDS = 60.0
QUEUES_SECONDS = 1.0
LIFE_SECONDS = 1.0
EXPIRE_SECONDS = 1.0
MEMORY_SECONDS = 1.0
STATISTICS_SECONDS = 1.0


class Worker:
    """Runs the jobs of a registry from one pair of stores, in one process, on one event loop.

    Where `shares` names no queue, it serves every one that there is.
    """

    def __init__(
        self,
        config: Config,
        registry: TaskRegistry,
        stores: Stores,
        hooks: Hooks,
        *,
        shares: Shares = ALIKE,
        version: str = "",
    ) -> None:
        self.config = config
        self._registry = registry
        self._stores = stores
        self.serves_all = not shares.queues
        named = shares.queues or sorted({task.queue for task in registry} or {"default"})
        self.queues = tuple(named)
        info = describe_self(queues=shares.queues, kinds=tuple(Kind), version=version)
        self.presence = Presence(stores.backend, info, lambda: self.abandoned)
        self.ending = Ending()
        self.retirement = Retirement(hooks.on_event)
        self._line = UNSUPERVISED
        self._statistics = Statistics(stores, self.retirement.hear)
        hooks = replace(hooks, on_event=self._statistics.hear)
        self._wiring = Wiring(
            stores=stores,
            presence=self.presence,
            queues=self.queues,
            hooks=hooks,
            shares=shares,
        )
        self._executors: list[BaseTaskExecutor] = []
        self._consumers: list[Consumer] = []
        self._services: list[asyncio.Task[None]] = []
        self._heartbeat: Heartbeat | None = None
        self._watchdog: Watchdog | None = None
        self._loop_seen_alive = time.monotonic()

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return sum(consumer.running for consumer in self._consumers)

    @property
    def abandoned(self) -> int:
        """How many jobs were given up whose code goes on, since it cannot be stopped."""
        return sum(consumer.abandoned for consumer in self._consumers)

    @property
    def settled(self) -> int:
        """How many runs have ended here, or were given back."""
        return sum(consumer.settled for consumer in self._consumers)

    async def run(
        self, *, burst: bool = False, lifespan: Lifespan = ENDLESS, line: Line = UNSUPERVISED
    ) -> None:
        """Run jobs until asked to drain, or retired; in a burst, until none is due or retried."""
        self.ending.open()
        self.retirement.open(lifespan)
        self._line = line
        self._line.listen(self.ending.ask)
        try:
            if await self._started():
                self._line.say(READY)
                await self._until_asked(burst=burst)
        finally:
            await self._stop()
            self._line.close()

    async def _started(self) -> bool:
        """Start; or give up when asked to drain before the store has answered."""
        starting = asyncio.create_task(self._start())
        asked = asyncio.create_task(self.ending.drain.wait())
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        is_started = starting.done()
        for task in (starting, asked):
            task.cancel()
        if is_started:
            await starting
        return is_started

    async def _start(self) -> None:
        await self._stores.insist(self.presence.enlist)
        interval = self.config.executor.heartbeat_interval
        stopper = Stopper(self._stores, self.presence, self.ending.drain_from_afar)
        self._heartbeat = Heartbeat(self._stores, self.presence, interval, stopper)
        self._heartbeat.start()
        self._queues = Queues(self._stores, self.queues, serves_all=self.serves_all)
        wiring = replace(self._wiring, queues=tuple(await self._queues.open()))
        for create in EXECUTORS:
            executor = create(self.config, self._registry, wiring=wiring)
            await executor.start()
            self._executors.append(executor)
        self._consumers = [executor.consumer for executor in self._executors]
        self._queues.consumers = self._consumers
        self._heartbeat.stopper.consumers = self._consumers
        self._services = [
            asyncio.create_task(repeat(seconds, act), name=f"flowrra-{act.__qualname__}")
            for seconds, act in self._duties(self._heartbeat)
        ]
        self._watchdog = Watchdog(self.config.executor.stall_timeout, self._signs(self._heartbeat))
        self._watchdog.start()

    def _signs(self, heartbeat: Heartbeat) -> dict[str, Sign]:
        """Return how to see that each part of the worker is alive."""
        return {
            "The event loop": lambda: self._loop_seen_alive,
            "The store's thread": self._stores.seen_alive,
            "The heartbeat": heartbeat.seen_alive,
        }

    async def _show_life(self) -> None:
        self._loop_seen_alive = time.monotonic()
        self._stores.nudge()

    def _duties(self, heartbeat: Heartbeat) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        settings, stores = self.config.executor, self._stores
        on_event, timeout = self._wiring.hooks.on_event, settings.heartbeat_timeout
        rescue = Rescue(stores, self.presence, heartbeat, timeout, on_event)
        duties: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (settings.rescue_interval, rescue.look),
            (settings.rescue_interval, Doubt(self._consumers).look),
            (settings.rescue_interval, Orphans(stores, self.presence).look),
            (LIFE_SECONDS, self._show_life),
            (EXPIRE_SECONDS, Expire(stores).look),
            (MEMORY_SECONDS, self.retirement.look),
            (STATISTICS_SECONDS, self._statistics.look),
            (QUEUES_SECONDS, self._queues.look),
        ]
        ttl = self.config.backend.ttl if self.config.backend else None
        if ttl is not None:
            duties.append((PRUNE_SECONDS, Prune(stores, ttl).look))
        if stores.broker.is_swept:
            age = settings.rescue_interval
            duties.append((age, Sweep(stores, age).look))
        return duties

    async def _until_asked(self, *, burst: bool) -> None:
        """Wait until asked to drain, or done, or retired."""
        ends = [self.ending.drain.wait(), self.retirement.until_due()]
        if burst:
            ends.append(self._until_done())
        loops = [loop for consumer in self._consumers for loop in consumer.loop_tasks]
        await self._first_of(ends, [*self._services, *loops])
        if self.retirement.is_due and not self.ending.drain.is_set():
            await self._retire()

    async def _retire(self) -> None:
        """Take no more jobs, and let those that run take their time, until asked to drain."""
        logger.info("This worker takes no more jobs: %s.", self.retirement.reason)
        self._line.say(LEAVING)
        writers = [consumer.loop_tasks[1] for consumer in self._consumers]
        ends = [self.ending.drain.wait(), self._drain_all()]
        await self._first_of(ends, [*self._services, *writers])

    async def _first_of(
        self, ends: Sequence[Coroutine[Any, Any, object]], parts: Sequence[asyncio.Task[None]]
    ) -> None:
        """Wait until one of the ends has come; raise if a part of the worker ended by itself."""
        waiting = [asyncio.create_task(end) for end in ends]
        ended, _ = await asyncio.wait([*waiting, *parts], return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        for part in ended.intersection(parts):
            logger.critical("%s has ended by itself; this worker stops.", part.get_name())
        for task in ended:
            await task

    async def _until_done(self) -> None:
        """Wait until no lane has work, and none got any while the others were looked at."""
        while True:
            settled = self.settled
            await self._queues.look()
            has_work = [await consumer.has_work() for consumer in self._consumers]
            if not any(has_work) and settled == self.settled:
                return
            await asyncio.gather(*(consumer.finish() for consumer in self._consumers))

    async def _stop(self) -> None:
        """Drain for as long as there is time, give the rest back, and go."""
        for consumer in self._consumers:
            consumer.take_no_more()
        if self._watchdog is not None:
            await asyncio.to_thread(self._watchdog.stop)
        for service in self._services:
            service.cancel()
        await self._drain()
        await asyncio.gather(*(executor.stop(wait=False) for executor in self._executors))
        await self._statistics.finish()
        if self._heartbeat is not None:
            await asyncio.to_thread(self._heartbeat.stop)
        await self._dismiss()  # after an enlisting that goes on, though nobody waits for it now
        await asyncio.to_thread(self._stores.stop)

    async def _drain(self) -> None:
        draining = asyncio.create_task(self._drain_all())
        hurried = asyncio.create_task(self.ending.stop.wait())
        if self.running:
            logger.info("Draining: %d jobs still run.", self.running)
        if self.abandoned:
            told = "%d threads go on with jobs that were given up; they end with this worker."
            logger.warning(told, self.abandoned)
        timeout = self.config.executor.stop_timeout
        await asyncio.wait(
            {draining, hurried}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        if self.running:
            logger.warning("Giving back %d jobs that have not ended.", self.running)
        for waiting in (draining, hurried):
            waiting.cancel()

    async def _drain_all(self) -> None:
        await asyncio.gather(*(consumer.drain() for consumer in self._consumers))

    async def _dismiss(self) -> None:
        """Take the worker's row away, unless the store is away: then rescue will."""
        try:
            await self._stores.run(self.presence.dismiss)
        except Exception as error:
            logger.warning("Could not sign off from the store: %s", error)
