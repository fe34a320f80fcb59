"""Where stores are worked on: right here for memory, else a thread with a connection of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, Protocol, TypeVar

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
Call = Callable[[], object]


class Poller(Protocol):
    """Something to be looked at now and then, between calls."""

    def seconds_until_poll(self) -> float | None:
        """Return when to be polled next; None for not at all."""

    def poll(self) -> None:
        """Look. After an error the next look comes when it would have come."""


def expects_none(error: Exception) -> bool:
    return False


class Inline:
    """Calls on the caller's thread: for stores that never make anybody wait."""

    async def run(self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return func(*args, **kwargs)

    def nudge(self) -> None:
        """Nothing sleeps here."""

    def rouse(self) -> None:
        """Nothing sleeps here."""

    def later(self, call: Call) -> None:
        """Nothing is kept open here, and so there is nothing to be seen to."""

    def seen_alive(self) -> float:
        """Return now: what has no thread cannot stall."""
        return time.monotonic()

    def stop(self) -> None:
        """Nothing runs here."""


class StoreThread:
    """One thread that makes all calls, in the order in which they came.

    It starts with the first call, and again with the first one after a `stop` or in a forked
    child. An error of a poller is logged, unless `is_expected` says that it is known.
    """

    def __init__(
        self,
        pollers: Sequence[Poller],
        close: Callable[[], None],
        is_expected: Callable[[Exception], bool] = expects_none,
        name: str = "flowrra-store",
    ) -> None:
        self._name = name
        self._pollers = pollers
        self._close = close
        self._is_expected = is_expected
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._seen_alive = time.monotonic()

    async def run(self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call on the thread, and return or raise what the call does."""
        future: Future[R] = Future()
        self._put(lambda: _resolve(future, lambda: func(*args, **kwargs)))
        return await asyncio.wrap_future(future)

    def nudge(self) -> None:
        """Make the thread ask its pollers again when they want to be polled."""
        self._put(lambda: None)

    def rouse(self) -> None:
        """Do the same, but only if the thread runs: what comes after a `stop` starts no other."""
        self.later(lambda: None)

    def later(self, call: Call) -> None:
        """Call on the thread, if it runs; what comes of that, nobody hears."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                self._calls.put(lambda: _resolve(Future(), call))

    def seen_alive(self) -> float:
        """Return when the thread was last seen between two calls, by the monotonic clock."""
        return self._seen_alive

    def stop(self) -> None:
        """Finish what was asked for, close the connection and end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._calls.put(None)
        if thread is not None and thread.is_alive():
            thread.join()

    def _put(self, call: Call) -> None:
        with self._lock:  # else a call could come after the last one that the thread makes
            if self._thread is None or not self._thread.is_alive():
                self._start()
            self._calls.put(call)

    def _start(self) -> None:
        self._calls = SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, args=[self._calls], name=self._name, daemon=True
        )
        self._thread.start()

    def _work(self, calls: SimpleQueue[Call | None]) -> None:
        try:
            while True:
                self._seen_alive = time.monotonic()
                self._poll()  # between calls too: a thread that is always busy has to look as well
                try:
                    call = calls.get(timeout=self._seconds_until_poll())
                except Empty:
                    continue
                if call is None:
                    return
                call()
        finally:
            self._close()

    def _seconds_until_poll(self) -> float | None:
        waits = [poller.seconds_until_poll() for poller in self._pollers]
        return min((max(0.0, seconds) for seconds in waits if seconds is not None), default=None)

    def _poll(self) -> None:
        for poller in self._pollers:
            seconds = poller.seconds_until_poll()
            if seconds is not None and seconds <= 0:
                self._look(poller)

    def _look(self, poller: Poller) -> None:
        try:
            poller.poll()
        except Exception as error:
            if not self._is_expected(error):
                logger.exception("Polling the store failed; it is tried again.")


Place = Inline | StoreThread


def _resolve(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # it belongs to who awaits the call
        future.set_exception(error)
    else:
        future.set_result(result)
