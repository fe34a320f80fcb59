"""What runs have produced, on its way to the ledger: one batch as soon as the store is free."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ..exceptions import OutcomeRefusedError
from ..history import with_attempt
from ..job import ErrorInfo
from ..reports import Report
from ..results import TaskStatus
from ..retry import Release, Settlement, as_cancelled
from .events import Finished
from .running import JobRun, News
from .stores import Stores, Written

LOCKED_SECONDS = 0.5  # until what somebody has locked is tried again
GATHER_SECONDS = 0.003  # from one batch to the next

logger = logging.getLogger(__name__)

Item = TypeVar("Item", Settlement, Release)
Write = Callable[[str, Sequence[Item]], Written]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What becomes of one job, the worker id that it was claimed under, how long it ran in s.

    `exception` is what its code raised, where that is in this process; `run` is that of its code,
    if it ran.
    """

    worker_id: str
    item: Settlement | Release
    seconds: float
    exception: BaseException | None = None
    run: JobRun | None = None

    @property
    def is_to_wait(self) -> bool:
        """Whether the job is to wait again from now on."""
        is_final = isinstance(self.item, Settlement) and self.item.status.is_final
        return not is_final and self.item.delay <= 0


def finished_by(parcel: Parcel) -> Finished | None:
    """Return what a parcel that was accepted means for its job, if that is final now."""
    item = parcel.item
    if isinstance(item, Settlement) and item.status.is_final:
        return Finished(item, parcel.seconds, parcel.exception)
    return None


OnWritten = Callable[[Parcel, bool], None]


class Outbox:
    """Collects parcels, and tells of each whether the ledger accepted it.

    The first one of a worker that was idle is written at once; where many come, a batch is what has
    come within a few milliseconds. What running jobs tell of themselves goes along: `news` takes
    note of it. What becomes of a job that somebody has locked is set aside for a while, so that the
    others need not wait for it.
    """

    def __init__(self, stores: Stores, on_written: OnWritten) -> None:
        self._stores = stores
        self._is_shared = stores.backend.is_shared  # else a batch costs no more than its parts
        self._on_written = on_written
        self._parcels: list[Parcel] = []
        self._locked: list[Parcel] = []
        self._replaced: dict[int, Settlement] = {}
        self._filled = asyncio.Event()
        self.news = News(self._filled.set)
        self._to_wait = 0  # of the parcels that are not written, those whose jobs wait again
        self._written = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._parcels) + len(self._locked)

    def start(self) -> asyncio.Task[None]:
        """Begin to write, unless that has begun; return the task, which `stop` alone is to end."""
        self.news.start()
        if self._loop is None or self._loop.done():
            self._put_back()
            self._loop = asyncio.create_task(self._flush_forever(), name="flowrra-outbox")
        return self._loop

    async def stop(self) -> None:
        """Drop what could not be written; the ledger still has those jobs as running."""
        self.news.stop()
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    def put(self, parcel: Parcel) -> None:
        self._parcels.append(parcel)
        self._to_wait += parcel.is_to_wait
        self._filled.set()

    async def returned(self) -> None:
        """Wait until no job is left that is to wait again and does not yet."""
        while self._to_wait:
            self._written.clear()
            await self._written.wait()

    async def _flush_forever(self) -> None:
        written_at = float("-inf")
        while True:
            await self._filled.wait()
            if self._is_shared:
                await asyncio.sleep(written_at + GATHER_SECONDS - time.monotonic())
            written_at = time.monotonic()
            self._filled.clear()
            parcels, self._parcels = self._parcels, []
            locked: set[JobRun] = set()
            for worker_id, reports in self.news.take(p.run for p in parcels if p.run).items():
                locked |= await self._report(worker_id, reports)
            if locked:
                self._set_aside([p for p in parcels if p.run in locked])
                parcels = [p for p in parcels if p.run not in locked]
            await self._flush(parcels)

    async def _report(self, worker_id: str, reports: Mapping[JobRun, Report]) -> set[JobRun]:
        """Write what jobs tell of themselves, before it is written what became of them.

        Returns the runs that are to tell it again later.
        """
        try:
            ids = await self._stores.write(self._stores.report, worker_id, [*reports.values()])
        except Exception:
            logger.exception("What %d jobs tell of themselves could not be kept.", len(reports))
            return set()
        locked = {run for run in reports if run.job.task_id in ids}
        for run in locked:
            run.keep(reports[run])
            self.news.note(run)
        return locked

    def _set_aside(self, parcels: Collection[Parcel]) -> None:
        self._note_written(parcels)
        if parcels and not self._locked:
            asyncio.get_running_loop().call_later(LOCKED_SECONDS, self._put_back)
        self._locked += parcels

    def _note_written(self, parcels: Collection[Parcel]) -> None:
        """Wake who waits for jobs to wait again: those of these do, or not now."""
        if self._to_wait:
            self._to_wait -= sum(parcel.is_to_wait for parcel in parcels)
            self._written.set()

    def _put_back(self) -> None:
        """Have what was set aside written, behind what has come since."""
        parcels, self._locked = self._locked, []
        for parcel in parcels:
            self.put(parcel)

    async def _flush(self, parcels: Sequence[Parcel]) -> None:
        by_worker: defaultdict[str, list[Parcel]] = defaultdict(list)
        for parcel in parcels:
            by_worker[parcel.worker_id].append(parcel)
        for worker_id, group in by_worker.items():
            settlements = [p.item for p in group if isinstance(p.item, Settlement)]
            releases = [p.item for p in group if isinstance(p.item, Release)]
            written = await self._write(self._stores.settle, worker_id, settlements)
            if releases:
                released = await self._write(self._stores.release, worker_id, releases)
                written = _joined(written, released)
            done: Sequence[Parcel] = group
            if written.locked:
                self._set_aside([p for p in group if p.item.job.task_id in written.locked])
                done = [p for p in group if p.item.job.task_id not in written.locked]
            self._note_written(done)
            for parcel in done:
                is_accepted = parcel.item.job.task_id in written.accepted
                self._on_written(self._as_written(parcel, written), is_accepted)

    async def _write(self, write: Write[Item], worker_id: str, items: Sequence[Item]) -> Written:
        """Write the items in one batch, split in halves for as long as the store refuses it."""
        if not items:
            return Written(set(), set())
        try:
            return await self._stores.write(write, worker_id, items)
        except Exception as error:
            if len(items) == 1:
                return await self._write_refused(worker_id, items[0], error)
            logger.debug("The ledger refused a batch of %d (%s); halving it.", len(items), error)
        middle = len(items) // 2
        first = await self._write(write, worker_id, items[:middle])
        return _joined(first, await self._write(write, worker_id, items[middle:]))

    async def _write_refused(
        self, worker_id: str, item: Settlement | Release, error: Exception
    ) -> Written:
        """Fail the one job whose outcome the store cannot keep, saying so."""
        job = item.job
        logger.error("The ledger refused the outcome of job %s: %s", job.task_id, error)
        if isinstance(item, Release):
            return Written(set(), set())
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
        self._replaced[id(item)] = failed
        try:
            return await self._stores.write(self._stores.settle, worker_id, [failed])
        except Exception:
            logger.exception("The ledger refused even the failure of job %s.", job.task_id)
            return Written(set(), set())

    def _as_written(self, parcel: Parcel, written: Written) -> Parcel:
        """Return the parcel with what was written: not what was refused, or is not wanted."""
        failed = self._replaced.pop(id(parcel.item), None)
        if failed is not None:
            return replace(parcel, item=failed, exception=None)
        if parcel.item.job.task_id in written.cancelled:
            return replace(parcel, item=as_cancelled(parcel.item))
        return parcel


def _joined(one: Written, other: Written) -> Written:
    return Written(
        one.accepted | other.accepted,
        one.cancelled | other.cancelled,
        {*one.locked, *other.locked},
    )
