"""What a worker does besides running jobs, each thing every so often, for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import NamedTuple

from ..backends.answers import Beat
from ..brokers.base import Swept
from ..engine.consumer import Consumer
from ..engine.events import Finished, OnEvent, tell
from ..engine.heartbeat import Heartbeat
from ..engine.presence import Presence, is_process_gone
from ..engine.stores import Stores
from ..engine.wiring import PRIVATE_QUEUE

logger = logging.getLogger(__name__)

PRUNE_BATCH = 1000
EXPIRE_BATCH = 500
BATCH_PAUSE = 0.1
REST_FACTOR = 10  # a sweep that need not hurry may slow the claims by a tenth


async def repeat(interval: float, act: Callable[[], Awaitable[object]]) -> None:
    """Act now, and again `interval` seconds after each time; an error is logged and no more."""
    while True:
        try:
            await act()
        except Exception:
            logger.exception("%s failed; it is tried again.", getattr(act, "__qualname__", act))
        await asyncio.sleep(interval)


class Suspicion(NamedTuple):
    """That a worker has gone, since a look at the monotonic moment `since` saw it silent."""

    beat_at: datetime
    since: float


class Rescue:
    """Frees the jobs of workers that went away without a word.

    A worker is given up when two looks see the same heartbeat, older than `timeout` seconds, while
    this worker's own heartbeat is steady; at once when it was on this host and its process is gone.
    The looks are a period apart, and far enough for a heartbeat to come between: when the clock is
    set on, all who live seem to have been silent until then.
    """

    def __init__(
        self,
        stores: Stores,
        presence: Presence,
        heartbeat: Heartbeat,
        timeout: float,
        on_event: OnEvent | None = None,
    ) -> None:
        self._stores = stores
        self._presence = presence
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._on_event = on_event
        self._suspects: dict[str, Suspicion] = {}

    async def look(self) -> None:
        beats = await self._stores.insist(self._stores.backend.beats)
        others = [beat for beat in beats if beat.worker.worker_id != self._presence.worker_id]
        silent = [beat for beat in others if self._is_silent(beat)]
        now = time.monotonic()
        self._suspects = {beat.worker.worker_id: self._suspicion(beat, now) for beat in silent}
        for beat in [beat for beat in others if self._is_gone(beat, now)]:
            await self._rescue(beat.worker.worker_id, beat.at)
        for worker_id in await self._stores.insist(self._stores.backend.strays):
            await self._rescue(worker_id, None)

    def _is_gone(self, beat: Beat, now: float) -> bool:
        worker = beat.worker
        if worker.host == socket.gethostname() and is_process_gone(worker.process):
            logger.debug("The process of worker %s has ended.", worker.worker_id)
            return True
        suspicion = self._suspects.get(worker.worker_id)
        if suspicion is None or suspicion.since == now:
            return False
        return now - suspicion.since >= self._heartbeat.interval

    def _suspicion(self, beat: Beat, now: float) -> Suspicion:
        known = self._suspects.get(beat.worker.worker_id)
        return known if known and known.beat_at == beat.at else Suspicion(beat.at, now)

    def _is_silent(self, beat: Beat) -> bool:
        if beat.age <= self._timeout:
            return False
        is_telling = self._heartbeat.is_steady
        why = "" if is_telling else ", which tells nothing: this one's own beats came late"
        logger.debug(
            "Worker %s has been silent for %.1f s%s.", beat.worker.worker_id, beat.age, why
        )
        return is_telling

    async def _rescue(self, worker_id: str, beat_at: datetime | None) -> None:
        freed = await self._stores.insist(self._stores.rescue, worker_id, beat_at)
        if any(freed) or beat_at is not None:
            logger.warning(
                "Worker %s is gone; %d of its jobs wait again, %d have failed, %d were cancelled.",
                worker_id,
                *(len(jobs) for jobs in freed),
            )
        if self._on_event:
            for loss in (*freed.failed, *freed.cancelled):
                tell(self._on_event, Finished(loss, None))


class Prune:
    """Deletes results older than `ttl` seconds, in small batches."""

    def __init__(self, stores: Stores, ttl: float) -> None:
        self._stores = stores
        self._ttl = ttl

    async def look(self) -> None:
        prune, pruned = self._stores.backend.prune, PRUNE_BATCH
        while pruned == PRUNE_BATCH:
            pruned = await self._stores.insist(prune, self._ttl, PRUNE_BATCH)
            logger.debug("Deleted %d results older than %g s.", pruned, self._ttl)
            await asyncio.sleep(BATCH_PAUSE)  # so that the claims of jobs come between


class Expire:
    """Cancels jobs that were not started in time, in small batches, whoever would serve them."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def look(self) -> None:
        expired = EXPIRE_BATCH
        while expired == EXPIRE_BATCH:
            expired = await self._stores.insist(self._stores.expire, EXPIRE_BATCH)
            logger.debug("Cancelled %d jobs that were not started in time.", expired)
            if expired:
                await asyncio.sleep(BATCH_PAUSE)  # so that the claims of jobs come between


class Sweep:
    """Tells an index that is elsewhere of the jobs that it lacks, in small batches.

    What was recorded within the last `age` seconds may be on its way still.
    """

    def __init__(self, stores: Stores, age: float) -> None:
        self._stores = stores
        self._age = age

    async def look(self) -> None:
        swept = Swept(has_more=True)
        while swept.has_more:
            started = time.monotonic()
            swept = await self._stores.insist(self._stores.broker.sweep, self._age)
            await asyncio.sleep(self.rest(swept, time.monotonic() - started))

    def rest(self, swept: Swept, took: float) -> float:
        """Return for how many seconds to leave the stores to the claims of jobs."""
        rest = 0.0 if swept.is_urgent else REST_FACTOR * took
        return max(BATCH_PAUSE, min(rest, self._age))


class Doubt:
    """Makes consumers compare what they hold with the ledger."""

    def __init__(self, consumers: list[Consumer]) -> None:
        self._consumers = consumers

    async def look(self) -> None:
        for consumer in self._consumers:
            consumer.doubt()


class Queues:
    """Has the consumers serve the queues that were named, but for those that are paused.

    With `serves_all` they serve those on which a job waits, too; not the private queue of an
    executor that stands alone, which is not for others.
    """

    def __init__(self, stores: Stores, named: Collection[str], *, serves_all: bool) -> None:
        self._stores = stores
        self._named = frozenset(named)
        self._serves_all = serves_all
        self.consumers: list[Consumer] = []

    async def open(self) -> list[str]:
        """Return the queues to serve now."""
        backend = self._stores.backend
        queues = set(self._named)
        if self._serves_all:
            waiting = await self._stores.insist(backend.queues)
            queues |= {queue for queue in waiting if not queue.startswith(PRIVATE_QUEUE)}
        return sorted(queues - await self._stores.insist(backend.paused))

    async def look(self) -> None:
        queues = await self.open()
        for consumer in self.consumers:
            if sorted(consumer.serving.queues) != queues:
                logger.debug("Serving the queues %s now.", ", ".join(queues))
                consumer.serve(queues)
