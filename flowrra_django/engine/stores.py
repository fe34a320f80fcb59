"""A ledger with its index: what a `Config` names, and where it is worked on."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from ..backends.answers import Recorded, Rescued, Settled
from ..backends.base import BaseBackend
from ..backends.batches import BATCH
from ..brokers.base import ALL_AT_ONCE, BaseBroker, Taken, Turns
from ..exceptions import JobNotFoundError, TaskTimeoutError
from ..job import Job, Lane
from ..reports import Report
from ..results import AT_REST, FINAL, UNFINISHED, WAITING, TaskResult, TaskStatus
from ..retry import Release, Settlement
from .bell import Bell
from .calls import Calls
from .commits import AfterCommit, at_once
from .locks import Locks
from .store_thread import Inline, Place, StoreThread
from .waiters import Waiters, waker_of

logger = logging.getLogger(__name__)

MOST_BY_CHARS = 100


class Written(NamedTuple):
    """The ids of what the ledger accepted, and of what it then cancelled, as had been asked for.

    What somebody else has locked was not written, and is to be tried later.
    """

    accepted: set[str]
    cancelled: set[str]
    locked: Collection[str] = ()


class Stores(Calls):
    """The transitions of a job, in the ledger first and then in the index.

    All are sync, and run on the calling thread; `run`, `insist` and `write` take them to threads.
    `on_cancel` is called after a cancel, for those who are in this process and need not ask.
    What a caller changes in a transaction that the ledger joins, others learn `after_commit`.
    """

    def __init__(
        self, backend: BaseBackend, broker: BaseBroker, after_commit: AfterCommit = at_once
    ) -> None:
        self.backend = backend
        self.broker = broker
        self._after_commit = after_commit if backend.joins_transactions else at_once
        self.waiters = Waiters(backend)
        self.on_cancel: list[Callable[[], None]] = []
        self._bell = Bell(broker)
        self._locks = Locks(backend)
        super().__init__(*self._places())
        self._bell.hang(self.place.rouse)

    # Transitions

    def record(self, jobs: Sequence[Job], *, is_late: bool = False) -> Recorded:
        """Keep new jobs; the index is to be told by `index`, once others can see them."""
        if any(job.unique_key for job in jobs):
            return self.backend.record_unique(jobs, is_late=is_late)
        return Recorded(self.backend.record(jobs), [], {})

    def index(self, recorded: Recorded) -> None:
        """Tell the index of jobs that were recorded."""
        if recorded.replaced:
            self.broker.forget([entry.task_id for entry in recorded.replaced])
        self.broker.push([*recorded.entries, *recorded.replaced])

    def take(
        self, worker_id: str, lanes: Collection[Lane], limit: int, turns: Turns = ALL_AT_ONCE
    ) -> Taken:
        if not self.backend.is_shared:  # nobody else sees to what is in memory
            self.expire(BATCH)
        return self.broker.take(worker_id, lanes, limit, turns)

    def take_old(
        self, worker_id: str, lanes: Collection[Lane], limit: int, age: float
    ) -> list[Job]:
        """Claim up to so many of the first jobs of each priority that have waited for so long."""
        old = self.backend.overdue(self.broker.fronts(lanes), age)[:limit]
        jobs, waiting = self.backend.claim(worker_id, old)
        self.broker.forget({*old}.difference(entry.task_id for entry in waiting))
        return jobs

    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> Written:
        """Write outcomes."""
        settled, locked = self._locks.write(self.backend.settle, worker_id, settlements)
        to_wait = [s.job for s in settlements if not s.status.is_final]
        return self._written(settled, to_wait)._replace(locked=locked)

    def release(self, worker_id: str, releases: Sequence[Release]) -> Written:
        """Give claims back."""
        released, locked = self._locks.write(self.backend.release, worker_id, releases)
        return self._written(released, [r.job for r in releases])._replace(locked=locked)

    def report(self, worker_id: str, reports: Sequence[Report]) -> set[str]:
        """Write what jobs tell of themselves; return the ids of those that are locked."""
        _, locked = self._locks.write(self.backend.report, worker_id, reports)
        return locked

    def _written(self, settled: Settled, to_wait: Sequence[Job]) -> Written:
        self.broker.push(settled.waiting)
        ended = settled.accepted - {entry.task_id for entry in settled.waiting}
        self.waiters.wake(ended)
        return Written(settled.accepted, self._cancelled_among(ended, to_wait))

    def _cancelled_among(self, ended: set[str], to_wait: Sequence[Job]) -> set[str]:
        """Look at what was to wait and does not, which is rare: another may have it by now."""
        claims = {job.task_id: job.claim for job in to_wait if job.task_id in ended}
        briefs = self.backend.briefs(claims).values() if claims else ()
        return {
            brief.task_id
            for brief in briefs
            if brief.status is TaskStatus.CANCELLED and brief.claim == claims[brief.task_id]
        }

    def rescue(self, worker_id: str, beat_at: datetime | None) -> Rescued:
        """Free the jobs of a worker that is gone; return what became of them."""
        rescued = self.backend.rescue(worker_id, beat_at)
        self.broker.push(rescued.waiting)
        self.waiters.look()  # others have failed for good
        return rescued

    def retry(self, task_ids: Collection[str], states: Collection[TaskStatus] = FINAL) -> set[str]:
        """Let final jobs wait again; return the ids of those that do."""
        waiting = self.backend.retry(task_ids, states)
        self._after_commit(lambda: self.broker.push(waiting))
        return {entry.task_id for entry in waiting}

    def run_now(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = WAITING
    ) -> set[str]:
        """Let waiting jobs be due at once and go first; return the ids of those that are."""
        ready = self.backend.run_now(task_ids, states)
        ids = {entry.task_id for entry in ready}

        def move() -> None:
            self.broker.forget(ids)  # where it had them before
            self.broker.push(ready)

        self._after_commit(move)
        return ids

    def cancel(
        self,
        task_ids: Collection[str],
        states: Collection[TaskStatus] = UNFINISHED,
        *,
        by: str = "",
    ) -> set[str]:
        """Cancel waiting jobs and ask it of running ones, for whom; return the ids of both."""
        cancelled = self.backend.cancel(task_ids, states, by=by[:MOST_BY_CHARS])
        self._after_commit(lambda: self._tell_of_cancel(cancelled))
        return cancelled

    def _tell_of_cancel(self, task_ids: Collection[str]) -> None:
        self.broker.forget(task_ids)
        self.waiters.wake(self.backend.settled_among(task_ids))
        for act in list(self.on_cancel):
            act()

    def delete(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = AT_REST
    ) -> set[str]:
        """Delete jobs that do not run; return the ids of those that were."""
        deleted = self.backend.delete(task_ids, states)

        def tell() -> None:
            self.broker.forget(deleted)
            self.waiters.wake(deleted)  # who waited for one is told that there is none

        self._after_commit(tell)
        return deleted

    def expire(self, limit: int) -> int:
        """Cancel up to `limit` jobs that were not started in time; return how many there were."""
        expired = self.backend.expire(limit)
        if expired:
            self.broker.forget(expired)
            self.waiters.wake(expired)
        return len(expired)

    # Reading

    def result(self, task_id: str) -> TaskResult:
        """Return the job as it stands, or raise JobNotFoundError."""
        result = self.backend.results([task_id]).get(task_id)
        if result is None:
            raise JobNotFoundError(task_id)
        return result

    # From an event loop

    def may_pass(self, error: Exception) -> bool:
        """Whether a later try may do; tells of an outage, once."""
        if self.backend.is_busy(error) or self.broker.is_busy(error):
            logger.debug("The store is busy (%s); trying again.", error)
            return True
        is_away = self.backend.is_outage(error) or self.broker.is_outage(error)
        if is_away:
            self.outage.begin(error)
        return is_away

    async def wait(self, task_id: str, timeout: float | None) -> TaskResult:
        """Wait until a job is final; TaskTimeoutError after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout) as limit:
                return await self._final_result(task_id)
        except TimeoutError:
            if not limit.expired():  # it is the store's
                raise
            raise TaskTimeoutError(task_id, timeout or 0.0) from None

    async def _final_result(self, task_id: str) -> TaskResult:
        while True:
            woken = asyncio.get_running_loop().create_future()
            wake = waker_of(woken)
            self.waiters.add(task_id, wake)  # before the look, so that nothing slips between
            try:
                result = await self.run(self.result, task_id)
                if result.is_complete:
                    return result
                self.place.nudge()
                await woken
            finally:
                self.waiters.remove(task_id, wake)

    # From a thread that may block

    def wait_blocking(self, task_id: str, timeout: float | None) -> TaskResult:
        """Block until a job is final; TaskTimeoutError after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            woken = threading.Event()
            self.waiters.add(task_id, woken.set)  # before the look, so that nothing slips between
            try:
                result = self.result(task_id)
                if result.is_complete:
                    return result
                self.place.nudge()
                if not woken.wait(_remaining(deadline)):
                    raise TaskTimeoutError(task_id, timeout or 0.0)
            finally:
                self.waiters.remove(task_id, woken.set)

    # The end

    def close(self) -> None:
        """End the store's threads, and let go of what the calling thread holds open."""
        self.stop()
        self._close_here()

    def _places(self) -> tuple[Place, Place]:
        if not self.backend.is_shared:
            return Inline(), Inline()
        store = StoreThread([self._bell, self.waiters], self._close_here, self.may_pass)
        if not self.backend.has_many_writers:
            return store, store
        return store, StoreThread([], self.backend.close, name="flowrra-writer")

    def _renew(self) -> None:
        self.backend.close()

    def _close_here(self) -> None:
        self._bell.close()
        self.waiters.close()
        self.broker.close()
        self.backend.close()


def _remaining(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())
