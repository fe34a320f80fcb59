"""Which jobs a consumer takes: those whose turn it is, and now and then one that has grown old."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection

from ..brokers.base import Taken
from ..job import Job, Lane
from ..retry import Release
from .serving import Serving
from .stores import Stores
from .turns import Turns

logger = logging.getLogger(__name__)

ONE_IN = 10
LOOKS = 10  # while a job grows old, at so many moments it is looked for such


Hold = tuple[str, int]


def hold_on(job: Job) -> Hold:
    """Tell this claim from another on the same job, which this worker may have lost and retaken."""
    return job.task_id, job.claim


class Taking:
    """Takes jobs, on the store's thread.

    While more waits than there are slots for, one of ten is the one that has waited longest, if
    if that is for longer than `serving.ageing` seconds, whatever its priority and its queue.

    `held` are the claims that the consumer knows of. Until the answer to a claim is here, it is
    doubted whether these are all that the ledger has.
    """

    def __init__(self, stores: Stores, serving: Serving, held: set[Hold]) -> None:
        self._stores = stores
        self._kind = serving.kind
        self._held = held
        self._has_doubts = False
        self._ageing = serving.ageing
        self._turns = Turns(serving.shares)
        self._begun = 0  # since one was taken for its age
        self._next_look = float("-inf")

    def doubt(self) -> None:
        """Compare what is held with what the ledger says, before the next claim."""
        self._has_doubts = True

    def take(self, worker_id: str, lanes: Collection[Lane], free: int) -> Taken:
        """Claim up to so many jobs of the lanes; one call at a time."""
        if self._has_doubts:
            self._reconcile(worker_id)
        self._has_doubts = True
        taken = self._take(worker_id, lanes, free)
        self._has_doubts = False
        return taken

    def _reconcile(self, worker_id: str) -> None:
        """Give back what the ledger says this worker holds, and it does not: a reply was lost."""
        known = self._held.copy()  # before the look: what is settled meanwhile has not got lost
        held = self._stores.backend.held(worker_id, self._kind)
        strays = [job for job in held if hold_on(job) not in known]
        if strays:
            self._stores.release(worker_id, [Release(job=job) for job in strays])
            logger.warning("Gave back %d jobs whose claim had got lost on the way.", len(strays))

    def _take(self, worker_id: str, lanes: Collection[Lane], free: int) -> Taken:
        old = self._take_old(worker_id, lanes, free)
        left = free - len(old)
        if not left:
            return Taken(old, None)
        jobs, next_due = self._stores.take(worker_id, lanes, left, self._turns.of(lanes))
        self._turns.note(jobs)
        is_full = len(jobs) == left  # else nobody waits
        self._begun = self._begun + len(jobs) if is_full else 0
        return Taken([*old, *jobs], next_due)

    def _take_old(self, worker_id: str, lanes: Collection[Lane], free: int) -> list[Job]:
        most = min(free, self._begun // ONE_IN)
        if self._ageing is None or not most or time.monotonic() < self._next_look:
            return []
        jobs = self._stores.take_old(worker_id, lanes, most, self._ageing)
        self._begun = 0
        if not jobs:
            self._next_look = time.monotonic() + self._ageing / LOOKS
        return jobs
