"""A process that takes and settles jobs; it knows no Django."""

from __future__ import annotations

import os

from flowrra_django.backends.redis import RedisBackend
from flowrra_django.config import BackendConfig
from tests.contracts.acts import IO, enlist, success


def drain(config: BackendConfig) -> list[str]:
    """Settle all that waits; return the ids of what was taken here."""
    backend, worker = RedisBackend(config), f"worker-{os.getpid()}"
    enlist(backend, worker)
    taken: list[str] = []
    while jobs := backend.take(worker, [IO], 7, {})[0]:
        backend.settle(worker, [success(job) for job in jobs])
        taken += [job.task_id for job in jobs]
    return taken
