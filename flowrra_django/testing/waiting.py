"""What waits in the ledger, in which order, and how what is scheduled becomes due."""

from __future__ import annotations

from operator import attrgetter

from django.utils import timezone

from ..backends.base import BaseBackend, Entry
from ..engine.stores import Stores
from ..job import Kind, Lane
from ..results import TaskResult, TaskStatus

BATCH = 500
EVERY = 1_000_000
NOBODY = "nobody"


def lanes_of(backend: BaseBackend, queue: str | None) -> list[Lane]:
    """Return the lanes of a queue, or of every queue on which jobs wait."""
    queues = sorted(backend.queues()) if queue is None else [queue]
    return [Lane(name, kind) for name in queues for kind in Kind]


def tell_index(stores: Stores) -> None:
    """Index what was enqueued in a transaction that is still open, as `TestCase` leaves it."""
    stores.broker.push(_entries(stores.backend, None))


def waiting_jobs(backend: BaseBackend, queue: str | None = None) -> list[TaskResult]:
    """Return the jobs that wait, in the order in which they were enqueued."""
    entries = sorted(_entries(backend, queue), key=attrgetter("sequence"))
    results = backend.results([entry.task_id for entry in entries])
    return [results[entry.task_id] for entry in entries]


def hasten(stores: Stores, queue: str | None, limit: int) -> bool:
    """Make up to `limit` scheduled jobs due, the earliest first; return whether there were any."""
    now = timezone.now()
    scheduled = [
        (job.run_after, job.task_id)
        for job in waiting_jobs(stores.backend, queue)
        if job.status is TaskStatus.PENDING and job.run_after and job.run_after > now
    ]
    first = [task_id for _, task_id in sorted(scheduled)[:limit]]
    # A job that was cancelled and then asked for again is due, in every ledger there is.
    return bool(stores.retry(stores.cancel(first)))


def _entries(backend: BaseBackend, queue: str | None) -> list[Entry]:
    """Read what waits as a claim tells it to a worker that is not enlisted, and wins nothing."""
    task_ids = backend.waiting(lanes_of(backend, queue), EVERY)
    batches = (task_ids[start : start + BATCH] for start in range(0, len(task_ids), BATCH))
    return [entry for batch in batches for entry in backend.claim(NOBODY, batch).waiting]
