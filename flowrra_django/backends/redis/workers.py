"""Who works, as the ledger keeps it: a heartbeat, and what a worker says of itself."""

from __future__ import annotations

import logging

from ..answers import NO_VITALS, Beat, Vitals, WorkerInfo
from ..batches import batches
from .queues import RedisQueues
from .rows import MILLION, info_from, info_text, moment_of

logger = logging.getLogger(__name__)


class RedisWorkers(RedisQueues):
    """The part of the ledger that keeps the heartbeats."""

    def enlist(self, worker: WorkerInfo) -> None:
        self.server.run("enlist", worker.worker_id, info_text(worker))

    def beat(self, worker_id: str, vitals: Vitals = NO_VITALS) -> bool:
        memory = "" if vitals.memory is None else vitals.memory
        return bool(self.server.run("beat", worker_id, memory, vitals.abandoned))

    def drain(self, worker_id: str) -> bool:
        return bool(self.server.run("drain", worker_id))

    def dismiss(self, worker_id: str) -> None:
        self.server.run("dismiss", worker_id, "any")

    def beats(self) -> list[Beat]:
        now, *rows = self.server.run("beats")
        beats = [self._beat(int(now), *row) for row in batches(rows, 6)]
        return [beat for beat in beats if beat is not None]

    def strays(self) -> set[str]:
        return set(self.server.run("strays"))

    def _beat(self, now: int, worker_id: str, at: str, info: str, *more: str | int) -> Beat | None:
        """Return the heartbeat; None, and forget it, if no worker can have left it."""
        memory, abandoned, is_draining = more
        try:
            if info:
                worker, age = info_from(worker_id, info), (now - int(at)) / MILLION
                vitals = Vitals(int(memory) if memory else None, int(abandoned))
                return Beat(worker, moment_of(at), age, vitals, bool(is_draining))
        except (ValueError, OverflowError):
            logger.debug("There is no such heartbeat: %s of %s.", at, worker_id)
        self.dismiss(worker_id)
        return None
