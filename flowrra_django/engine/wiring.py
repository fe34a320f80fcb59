"""What the executors of one process share."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import partial

from ..backends.answers import WorkerInfo
from ..config import Config
from ..job import DEFAULT_QUEUE
from .hooks import NO_HOOKS, Hooks
from .pairs import create_stores
from .presence import Presence, describe_process, new_worker_id
from .stores import Stores
from .turns import ALIKE, Shares

PRIVATE_QUEUE = "executor-"  # begins the name of a queue that one executor has to itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Stores, presence and queues.

    `private_queue` takes all jobs that are submitted here, whatever queue their task names.
    `is_owner`: nobody else uses the stores while these do.
    """

    stores: Stores
    presence: Presence
    queues: tuple[str, ...] = (DEFAULT_QUEUE,)
    hooks: Hooks = NO_HOOKS
    shares: Shares = ALIKE
    private_queue: str | None = None
    is_owner: bool = False


def standalone(config: Config) -> Wiring:
    """Wire one executor that is used by itself.

    A backend without a broker keeps results, and its jobs are not for others who use that store.
    """
    stores = create_stores(config)
    store = config.backend or config.broker
    is_owner = store is None or (store.family == "memory" and not store.name)
    presence = Presence(stores.backend, describe_self())
    wired = partial(Wiring, stores=stores, presence=presence, is_owner=is_owner)
    if config.broker is not None or not stores.backend.is_shared:
        return wired()
    queue = f"{PRIVATE_QUEUE}{presence.worker_id}"
    return wired(queues=(queue,), private_queue=queue)


def describe_self(**details: object) -> WorkerInfo:
    """Return this process as a worker with a new id."""
    return WorkerInfo(
        worker_id=new_worker_id(),
        host=socket.gethostname(),
        pid=os.getpid(),
        process=describe_process(),
        **details,  # type: ignore[arg-type]
    )
