"""Who waits for which job to end, and how they are woken."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from ..backends.base import BaseBackend
from .listening import Listening

SHORTEST_POLL = 0.005
LONGEST_POLL = 0.25
LISTENING_POLL = 2.0
LINGER_SECONDS = 10.0
SLOWER = 1.5

Wake = Callable[[], None]


class Waiters:
    """Wakes those who wait for jobs, once each: when told, or when a poll finds the job settled.

    A ledger that tells of the ends of jobs is listened to while somebody waits, and a while longer,
    and polled the less.
    """

    def __init__(self, ledger: BaseBackend) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Wake]] = {}
        self._interval = SHORTEST_POLL
        self._next_poll = 0.0
        self._last_wait = time.monotonic()
        self._listening = Listening(lambda: ledger.listen(self.wake))

    def add(self, task_id: str, wake: Wake) -> None:
        """Note who is to be woken, from whichever thread, when the job ends."""
        with self._lock:
            self._waiting.setdefault(task_id, []).append(wake)
            self._interval = SHORTEST_POLL
            # Not simply later: many who come one after the other must not put it off for ever.
            self._next_poll = min(self._next_poll, time.monotonic() + self._interval)

    def remove(self, task_id: str, wake: Wake) -> None:
        """Forget who gave up waiting."""
        with self._lock, suppress(KeyError, ValueError):
            self._waiting[task_id].remove(wake)
            if not self._waiting[task_id]:
                del self._waiting[task_id]

    def wake(self, task_ids: Collection[str]) -> None:
        """Wake those who wait for these jobs."""
        if not self._waiting:
            return
        with self._lock:
            woken = [wake for task_id in task_ids for wake in self._waiting.pop(task_id, ())]
        for wake in woken:
            wake()

    # As a poller of the store's thread, for a ledger that other processes write to

    def seconds_until_poll(self) -> float | None:
        if self._waiting:
            return self._next_poll - time.monotonic()
        if self._listening.listener is not None:
            return self._last_wait + LINGER_SECONDS - time.monotonic()
        return None

    def poll(self) -> None:
        if not self._waiting:
            self.close()
            return
        longest = LISTENING_POLL if self._listening.is_on() else LONGEST_POLL
        self._interval = min(self._interval * SLOWER, longest)
        self._last_wait = time.monotonic()
        self._next_poll = self._last_wait + self._interval
        self.look()

    def close(self) -> None:
        """Listen no longer, until the next poll."""
        self._listening.close()

    def look(self) -> None:
        """Wake those whose jobs are settled, whoever settled them."""
        if self._waiting:
            self.wake(self._ledger.settled_among(list(self._waiting)))


def waker_of(future: asyncio.Future[None]) -> Wake:
    """Return what resolves a future of the running loop, from any thread."""
    loop, home = asyncio.get_running_loop(), threading.get_ident()

    def wake() -> None:
        if threading.get_ident() == home:
            _resolve(future)
            return
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, future)

    return wake


async def until_set(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for the event, and set it if it takes too long."""
    if seconds is None:
        await event.wait()
        return
    timer = asyncio.get_running_loop().call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
