"""The worker's life: appear, run jobs, drain, go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from ..config import Config
from ..engine.consumer import Consumer
from ..engine.heartbeat import Heartbeat
from ..engine.presence import Presence
from ..engine.stores import Stores
from ..engine.wiring import Hooks, Wiring, describe_self
from ..executors.base import BaseTaskExecutor
from ..executors.cpu_executor import CPUExecutor
from ..executors.io_executor import IOExecutor
from ..executors.thread_executor import ThreadExecutor
from ..job import Kind
from ..registry import TaskRegistry
from .services import Doubt, Prune, Queues, Rescue, repeat
from .watchdog import Sign, Watchdog

logger = logging.getLogger(__name__)

EXECUTORS: tuple[type[IOExecutor | ThreadExecutor | CPUExecutor], ...] = (
    IOExecutor,
    ThreadExecutor,
    CPUExecutor,
)
PRUNE_SECONDS = 60.0
QUEUES_SECONDS = 1.0
LIFE_SECONDS = 1.0


class Worker:
    """Runs the jobs of a registry from one pair of stores, in one process, on one event loop.

    Without `queues` it serves every queue that there is.
    """

    def __init__(
        self,
        config: Config,
        registry: TaskRegistry,
        stores: Stores,
        hooks: Hooks,
        *,
        queues: Sequence[str] = (),
        version: str = "",
    ) -> None:
        self.config = config
        self._registry = registry
        self._stores = stores
        self.serves_all = not queues
        named = queues or sorted({task.queue for task in registry} or {"default"})
        self.queues = tuple(named)
        info = describe_self(queues=tuple(queues), kinds=tuple(Kind), version=version)
        self.presence = Presence(stores.backend, info)
        self._wiring = Wiring(
            stores=stores, presence=self.presence, queues=self.queues, hooks=hooks
        )
        self._executors: list[BaseTaskExecutor] = []
        self._consumers: list[Consumer] = []
        self._services: list[asyncio.Task[None]] = []
        self._heartbeat: Heartbeat | None = None
        self._watchdog: Watchdog | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_seen_alive = time.monotonic()
        self._is_asked_to_drain = asyncio.Event()
        self._is_asked_to_stop = asyncio.Event()

    # Asked for from signal handlers, on the event loop

    def ask(self) -> None:
        """Drain; when asked again, stop at once."""
        if self._is_asked_to_drain.is_set():
            self._is_asked_to_stop.set()
        self._is_asked_to_drain.set()

    def ask_from_outside(self) -> None:
        """Do what `ask` does, from another thread than the event loop's."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the worker has gone
                self._loop.call_soon_threadsafe(self.ask)

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return sum(consumer.running for consumer in self._consumers)

    @property
    def settled(self) -> int:
        """How many runs have ended here, or were given back."""
        return sum(consumer.settled for consumer in self._consumers)

    async def run(self, *, burst: bool = False) -> None:
        """Run jobs until asked to drain; in a burst, until none is due or waits for its retry."""
        self._loop = asyncio.get_running_loop()
        try:
            if await self._started():
                await self._until_asked(burst=burst)
        finally:
            await self._stop()

    async def _started(self) -> bool:
        """Start; or give up when asked to drain before the store has answered."""
        starting = asyncio.create_task(self._start())
        asked = asyncio.create_task(self._is_asked_to_drain.wait())
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
        self._heartbeat = Heartbeat(self._stores, self.presence, interval)
        self._heartbeat.start()
        for create in EXECUTORS:
            executor = create(self.config, self._registry, wiring=self._wiring)
            await executor.start()
            self._executors.append(executor)
        self._consumers = [executor.consumer for executor in self._executors]
        self._queues = Queues(self._stores, self._consumers, frozenset(self.queues))
        if self.serves_all:
            await self._queues.look()
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
            "The store's thread": self._stores.place.seen_alive,
            "The heartbeat": heartbeat.seen_alive,
        }

    async def _show_life(self) -> None:
        self._loop_seen_alive = time.monotonic()
        self._stores.place.nudge()

    def _duties(self, heartbeat: Heartbeat) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        settings, stores = self.config.executor, self._stores
        rescue = Rescue(stores, self.presence, heartbeat, settings.heartbeat_timeout)
        duties: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (settings.rescue_interval, rescue.look),
            (settings.rescue_interval, Doubt(self._consumers).look),
            (LIFE_SECONDS, self._show_life),
        ]
        ttl = self.config.backend.ttl if self.config.backend else None
        if ttl is not None:
            duties.append((PRUNE_SECONDS, Prune(stores, ttl).look))
        if self.serves_all:
            duties.append((QUEUES_SECONDS, self._queues.look))
        return duties

    async def _until_asked(self, *, burst: bool) -> None:
        """Wait until asked to drain, or done; raise if a part of the worker ended by itself."""
        asked = asyncio.create_task(self._is_asked_to_drain.wait())
        done = asyncio.create_task(self._until_done()) if burst else asked
        waits = {asked, done, *self._services, *(c.loop_task for c in self._consumers)}
        ended, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (asked, done):
            waiting.cancel()
        for task in ended:
            await task

    async def _until_done(self) -> None:
        """Wait until no lane has work, and none got any while the others were looked at."""
        while True:
            settled = self.settled
            if self.serves_all:
                await self._queues.look()
            has_work = [await consumer.has_work() for consumer in self._consumers]
            if not any(has_work) and settled == self.settled:
                return
            await asyncio.gather(*(consumer.finish() for consumer in self._consumers))

    async def _stop(self) -> None:
        """Drain for as long as there is time, give the rest back, and go."""
        if self._watchdog is not None:
            await asyncio.to_thread(self._watchdog.stop)
        for service in self._services:
            service.cancel()
        await self._drain()
        await asyncio.gather(*(executor.stop(wait=False) for executor in self._executors))
        if self._heartbeat is not None:
            await asyncio.to_thread(self._heartbeat.stop)
            await self._dismiss()
        await asyncio.to_thread(self._stores.place.stop)

    async def _drain(self) -> None:
        draining = asyncio.create_task(self._drain_all())
        hurried = asyncio.create_task(self._is_asked_to_stop.wait())
        if self.running:
            logger.info("Draining: %d jobs still run.", self.running)
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
