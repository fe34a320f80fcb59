"""What runs have produced, on its way to the ledger: one batch as soon as the store is free."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ..exceptions import OutcomeRefusedError
from ..job import ErrorInfo
from ..results import TaskStatus
from ..retry import Release, Settlement, with_attempt
from .stores import Stores

logger = logging.getLogger(__name__)

Item = TypeVar("Item", Settlement, Release)
Write = Callable[[str, Sequence[Item]], set[str]]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What becomes of one job, the worker id that it was claimed under, how long it ran in s."""

    worker_id: str
    item: Settlement | Release
    seconds: float


OnWritten = Callable[[Parcel, bool], None]


class Outbox:
    """Collects parcels, and tells of each whether the ledger accepted it."""

    def __init__(self, stores: Stores, on_written: OnWritten) -> None:
        self._stores = stores
        self._on_written = on_written
        self._parcels: list[Parcel] = []
        self._filled = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._parcels)

    def start(self) -> None:
        """Begin to write, unless that has begun."""
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._flush_forever(), name="flowrra-outbox")

    async def stop(self) -> None:
        """Drop what could not be written; the ledger still has those jobs as running."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    def put(self, parcel: Parcel) -> None:
        self._parcels.append(parcel)
        self._filled.set()

    async def _flush_forever(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            parcels, self._parcels = self._parcels, []
            await self._flush(parcels)

    async def _flush(self, parcels: Sequence[Parcel]) -> None:
        by_worker: defaultdict[str, list[Parcel]] = defaultdict(list)
        for parcel in parcels:
            by_worker[parcel.worker_id].append(parcel)
        for worker_id, group in by_worker.items():
            settlements = [p.item for p in group if isinstance(p.item, Settlement)]
            releases = [p.item for p in group if isinstance(p.item, Release)]
            accepted = await self._write(self._stores.settle, worker_id, settlements)
            accepted |= await self._write(self._stores.release, worker_id, releases)
            for parcel in group:
                self._on_written(parcel, parcel.item.job.task_id in accepted)

    async def _write(self, write: Write[Item], worker_id: str, items: Sequence[Item]) -> set[str]:
        """Write the items in one batch, split in halves for as long as the store refuses it."""
        if not items:
            return set()
        try:
            return await self._stores.insist(write, worker_id, items)
        except Exception as error:
            if len(items) == 1:
                return await self._write_refused(worker_id, items[0], error)
        middle = len(items) // 2
        accepted = await self._write(write, worker_id, items[:middle])
        return accepted | await self._write(write, worker_id, items[middle:])

    async def _write_refused(
        self, worker_id: str, item: Settlement | Release, error: Exception
    ) -> set[str]:
        """Fail the one job whose outcome the store cannot keep, saying so."""
        job = item.job
        logger.error("The ledger refused the outcome of job %s: %s", job.task_id, error)
        if isinstance(item, Release):
            return set()
        message = f"The ledger refused the outcome ({type(error).__name__}: {str(error)!a})."
        refused = ErrorInfo(
            message, f"{OutcomeRefusedError.__module__}.{OutcomeRefusedError.__qualname__}"
        )
        failed = replace(
            item,
            status=TaskStatus.FAILED,
            result=None,
            error=refused,
            failures=job.failures + 1,
            history=with_attempt(job, refused, worker_id, None),
        )
        try:
            return await self._stores.insist(self._stores.settle, worker_id, [failed])
        except Exception:
            logger.exception("The ledger refused even the failure of job %s.", job.task_id)
            return set()
