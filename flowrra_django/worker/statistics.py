"""What the jobs of a worker came to, minute by minute, on its way to the ledger."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

from ..engine.events import Finished, OnEvent, Started, tell
from ..engine.stores import Stores
from ..job import Job
from ..results import TaskStatus
from ..tally import KEPT_SECONDS, End, summed

logger = logging.getLogger(__name__)

PRUNE_SECONDS = 3600.0
COUNTED = frozenset({TaskStatus.SUCCESS, TaskStatus.FAILED})


class Statistics:
    """Hears how jobs end, tells `on_event`, and adds to the ledger what it heard, all at once.

    A worker that is killed loses what it heard since the last look; a reply that got lost counts
    the same ends twice. Nothing else depends on these figures.
    """

    def __init__(self, stores: Stores, on_event: OnEvent | None) -> None:
        self._stores = stores
        self._on_event = on_event
        self._ends: list[End] = []
        self._pruned_at = float("-inf")

    def hear(self, event: Started | Finished) -> None:
        if isinstance(event, Finished) and event.settlement.status in COUNTED:
            self._ends.append(_end_of(event))
        if self._on_event:
            tell(self._on_event, event)

    async def look(self) -> None:
        """Write what was heard; now and then, forget what is old."""
        if self._ends:
            ends, self._ends = self._ends, []
            await self._stores.insist(self._stores.backend.add_minutes, summed(ends))
        if time.monotonic() - self._pruned_at > PRUNE_SECONDS:
            await self._stores.insist(self._stores.backend.prune_minutes, KEPT_SECONDS)
            self._pruned_at = time.monotonic()

    async def finish(self) -> None:
        """Write the last of it, unless the store is away."""
        if not self._ends:
            return
        try:
            await self._stores.run(self._stores.backend.add_minutes, summed(self._ends))
        except Exception as error:
            logger.warning("The figures of the last second are lost: %s", error)


def _end_of(event: Finished) -> End:
    job, seconds = event.job, event.seconds
    if job.started_at is None or seconds is None:
        at = datetime.now(UTC)
    else:
        at = job.started_at + timedelta(seconds=seconds)
    is_success = event.settlement.status is TaskStatus.SUCCESS
    return End(at, job.queue, is_success, _waited(job), seconds)


def _waited(job: Job) -> float | None:
    """Return how long a job waited from when it might have run; None if it had run before."""
    since = job.submitted_at
    if since is None or job.started_at is None or job.failures or job.crashes:
        return None
    if isinstance(job.run_after, datetime):
        since = max(since, job.run_after)
    return (job.started_at - since).total_seconds()
