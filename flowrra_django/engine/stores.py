"""A ledger with its index: what a `Config` names, and where it is worked on."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import ParamSpec, TypeVar

from ..backends.base import BaseBackend, Settled
from ..brokers.base import BaseBroker, Taken
from ..exceptions import JobNotFoundError, TaskTimeoutError
from ..job import Lane
from ..results import TaskResult
from ..retry import Release, Settlement
from .outage import Outage, delays
from .store_thread import Inline, StoreThread
from .waiters import Waiters, waker_of

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Bell:
    """A broker's poller: rings the broker's subscribers when another process has changed it."""

    def __init__(self, broker: BaseBroker) -> None:
        self._broker = broker
        self._next_poll = 0.0

    def seconds_until_poll(self) -> float | None:
        if self._broker.poll_seconds is None or not self._broker.has_subscribers:
            return None
        return self._next_poll - time.monotonic()

    def poll(self) -> None:
        self._next_poll = time.monotonic() + (self._broker.poll_seconds or 0.0)
        if self._broker.changed():
            self._broker.ring()


class Stores:
    """The transitions of a job, in the ledger first and then in the index.

    All are sync, and run on the calling thread; `run` and `insist` take them to the store's own.
    """

    def __init__(self, backend: BaseBackend, broker: BaseBroker) -> None:
        self.backend = backend
        self.broker = broker
        self.waiters = Waiters(backend)
        self.outage = Outage()
        self.place = (
            StoreThread([Bell(broker), self.waiters], self._close_here, self.may_pass)
            if backend.is_shared
            else Inline()
        )

    # Transitions

    def take(self, worker_id: str, lanes: Collection[Lane], limit: int) -> Taken:
        return self.broker.take(worker_id, lanes, limit)

    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> set[str]:
        """Write outcomes; return the ids of those that the ledger accepted."""
        settled = self.backend.settle(worker_id, settlements)
        self.broker.push(settled.waiting)
        self.waiters.wake(_ended(settled))
        return settled.accepted

    def release(self, worker_id: str, releases: Sequence[Release]) -> set[str]:
        """Give claims back; return the ids of those that the ledger accepted."""
        settled = self.backend.release(worker_id, releases)
        self.broker.push(settled.waiting)
        self.waiters.wake(_ended(settled))  # those whose cancelling was asked for
        return settled.accepted

    def rescue(self, worker_id: str, beat_at: datetime | None) -> int:
        """Free the jobs of a worker that is gone; return how many wait again."""
        waiting = self.backend.rescue(worker_id, beat_at)
        self.broker.push(waiting)
        self.waiters.look()  # others have failed for good
        return len(waiting)

    def retry(self, task_ids: Collection[str]) -> set[str]:
        """Let final jobs wait again; return the ids of those that do."""
        waiting = self.backend.retry(task_ids)
        self.broker.push(waiting)
        return {entry.task_id for entry in waiting}

    def cancel(self, task_ids: Collection[str]) -> set[str]:
        """Cancel waiting jobs and ask it of running ones; return the ids of both."""
        cancelled = self.backend.cancel(task_ids)
        self.broker.forget(cancelled)
        self.waiters.wake(self.backend.settled_among(cancelled))
        return cancelled

    # Reading

    def result(self, task_id: str) -> TaskResult:
        """Return the job as it stands, or raise JobNotFoundError."""
        result = self.backend.results([task_id]).get(task_id)
        if result is None:
            raise JobNotFoundError(task_id)
        return result

    # From an event loop

    async def run(self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call on the store's own thread."""
        return await self.place.run(func, *args, **kwargs)

    async def insist(self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call on the store's own thread, again for as long as the store is away or busy."""
        for delay in delays():
            try:
                result = await self.run(func, *args, **kwargs)
            except Exception as error:
                if not self.may_pass(error):
                    raise
                await asyncio.sleep(delay)
            else:
                self.outage.end()
                return result
        raise AssertionError  # the delays never end

    def may_pass(self, error: Exception) -> bool:
        """Whether a later try may do; tells of an outage, once."""
        if self.backend.is_busy(error):
            logger.debug("The store is busy (%s); trying again.", error)
            return True
        is_away = self.backend.is_outage(error)
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
        """End the store's thread, and let go of what the calling thread holds open."""
        self.place.stop()
        self._close_here()

    def _close_here(self) -> None:
        self.broker.close()
        self.backend.close()


def _remaining(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _ended(settled: Settled) -> set[str]:
    return settled.accepted - {entry.task_id for entry in settled.waiting}
