"""Jobs that were private to an executor, and outlived its process."""

from __future__ import annotations

import logging

from ..engine.presence import Presence
from ..engine.stores import Stores
from ..engine.wiring import PRIVATE_QUEUE
from ..exceptions import WorkerLostError
from ..job import all_lanes
from ..retry import give_up
from ..runners.base import describe

logger = logging.getLogger(__name__)

BATCH = 100


class Orphans:
    """Fails what waits on the private queue of an executor whose process is gone.

    Nobody else may run it: the functions are those of that process.
    """

    def __init__(self, stores: Stores, presence: Presence) -> None:
        self._stores = stores
        self._presence = presence

    async def look(self) -> None:
        waiting = await self._stores.insist(self._stores.backend.queues)
        private = {queue for queue in waiting if queue.startswith(PRIVATE_QUEUE)}
        if private:
            beats = await self._stores.insist(self._stores.backend.beats)
            alive = {f"{PRIVATE_QUEUE}{beat.worker.worker_id}" for beat in beats}
            for queue in private - alive:
                await self._stores.insist(self._fail, queue)

    def _fail(self, queue: str) -> None:
        """Claim what is due on the queue, and fail it; on the store's thread."""
        backend, worker_id = self._stores.backend, self._presence.worker_id
        lanes = all_lanes([queue])
        jobs = backend.claim(worker_id, backend.waiting(lanes, BATCH)).jobs
        if not jobs:
            return
        gone = WorkerLostError("The executor that alone could run the job went away before it did.")
        error = describe(gone)
        self._stores.settle(worker_id, [give_up(job, error, worker=worker_id) for job in jobs])
        self._stores.broker.forget([job.task_id for job in jobs])
        logger.warning("Failed %d jobs of an executor whose process is gone.", len(jobs))
