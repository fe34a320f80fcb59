"""What waits in the ledger, in which order, and how what is scheduled becomes due."""

from __future__ import annotations

from operator import attrgetter

from django.db import transaction
from django.utils import timezone

from .. import runtime
from ..backends.answers import Entry
from ..backends.base import BaseBackend
from ..backends.batches import batches
from ..engine.dispatch import LateRecord
from ..engine.stores import Stores
from ..job import Lane, all_lanes
from ..results import TaskResult, TaskStatus

EVERY = 1_000_000
NOBODY = "nobody"


def lanes_of(backend: BaseBackend, queue: str | None) -> list[Lane]:
    """Return the lanes of a queue, or of every queue on which jobs wait."""
    queues = sorted(backend.queues()) if queue is None else [queue]
    return all_lanes(queues)


def record_late() -> None:
    """Record what a ledger outside of the test's transaction would have after its commit."""
    callbacks = transaction.get_connection(runtime.ledger_alias()).run_on_commit
    late = [callback for callback in callbacks if isinstance(callback[1], LateRecord)]
    callbacks[:] = [callback for callback in callbacks if callback not in late]
    for _, record, _ in late:
        record()


def tell_index(stores: Stores) -> None:
    """Index what was enqueued in a transaction that is still open, as `TestCase` leaves it."""
    record_late()
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
    due = stores.backend.retry(stores.backend.cancel(first))
    stores.broker.forget(first)  # at once, though the test's transaction is open
    stores.broker.push(due)
    return bool(due)


def _entries(backend: BaseBackend, queue: str | None) -> list[Entry]:
    """Read what waits as a claim tells it to a worker that is not enlisted, and wins nothing."""
    task_ids = backend.waiting(lanes_of(backend, queue), EVERY)
    return [entry for ids in batches(task_ids) for entry in backend.claim(NOBODY, ids).waiting]
