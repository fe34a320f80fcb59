"""What a worker does besides running jobs, each thing every so often, for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime

from ..backends.base import Beat
from ..engine.consumer import Consumer
from ..engine.heartbeat import Heartbeat
from ..engine.presence import Presence, is_process_gone
from ..engine.stores import Stores
from ..engine.wiring import PRIVATE_QUEUE

logger = logging.getLogger(__name__)

PRUNE_BATCH = 1000
PRUNE_PAUSE = 0.1


async def repeat(interval: float, act: Callable[[], Awaitable[object]]) -> None:
    """Act now, and again `interval` seconds after each time; an error is logged and no more."""
    while True:
        try:
            await act()
        except Exception:
            logger.exception("%s failed; it is tried again.", getattr(act, "__qualname__", act))
        await asyncio.sleep(interval)


class Rescue:
    """Frees the jobs of workers that went away without a word.

    A worker is given up when two looks, a period apart, see the same heartbeat, older than
    `timeout` seconds, while this worker's own heartbeat is steady; at once when it was on this
    host and its process is gone.
    """

    def __init__(
        self, stores: Stores, presence: Presence, heartbeat: Heartbeat, timeout: float
    ) -> None:
        self._stores = stores
        self._presence = presence
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._suspects: dict[str, datetime] = {}

    async def look(self) -> None:
        beats = await self._stores.insist(self._stores.backend.beats)
        others = [beat for beat in beats if beat.worker.worker_id != self._presence.worker_id]
        gone = [beat for beat in others if self._is_gone(beat)]
        silent = [beat for beat in others if beat.age > self._timeout and self._heartbeat.is_steady]
        self._suspects = {beat.worker.worker_id: beat.at for beat in silent}
        for beat in gone:
            await self._rescue(beat.worker.worker_id, beat.at)
        for worker_id in await self._stores.insist(self._stores.backend.strays):
            await self._rescue(worker_id, None)

    def _is_gone(self, beat: Beat) -> bool:
        worker = beat.worker
        if worker.host == socket.gethostname() and is_process_gone(worker.process):
            return True
        is_silent = beat.age > self._timeout and self._heartbeat.is_steady
        return is_silent and self._suspects.get(worker.worker_id) == beat.at

    async def _rescue(self, worker_id: str, beat_at: datetime | None) -> None:
        freed = await self._stores.insist(self._stores.rescue, worker_id, beat_at)
        if freed or beat_at is not None:
            logger.warning("Worker %s is gone; %d of its jobs wait again.", worker_id, freed)


class Prune:
    """Deletes results older than `ttl` seconds, in small batches."""

    def __init__(self, stores: Stores, ttl: float) -> None:
        self._stores = stores
        self._ttl = ttl

    async def look(self) -> None:
        prune, pruned = self._stores.backend.prune, PRUNE_BATCH
        while pruned == PRUNE_BATCH:
            pruned = await self._stores.insist(prune, self._ttl, PRUNE_BATCH)
            await asyncio.sleep(PRUNE_PAUSE)  # so that the claims of jobs come between


class Doubt:
    """Makes consumers compare what they hold with the ledger."""

    def __init__(self, consumers: list[Consumer]) -> None:
        self._consumers = consumers

    async def look(self) -> None:
        for consumer in self._consumers:
            consumer.doubt()


class Queues:
    """Has the consumers serve every queue that a task names or a job waits on.

    The private queue of an executor that stands alone is not for others.
    """

    def __init__(self, stores: Stores, consumers: list[Consumer], named: frozenset[str]) -> None:
        self._stores = stores
        self._consumers = consumers
        self._named = named

    async def look(self) -> None:
        waiting = await self._stores.insist(self._stores.backend.queues)
        public = {queue for queue in waiting if not queue.startswith(PRIVATE_QUEUE)}
        queues = sorted(self._named | public)
        for consumer in self._consumers:
            if sorted(consumer.serving.queues) != queues:
                consumer.serve(queues)
