"""That a worker was asked to end, by whom, and how soon."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

logger = logging.getLogger(__name__)

A_SIGNAL = "a signal"


class Ending:
    """Holds `drain`, set when a worker is to take no more jobs, and `stop`, when to end at once.

    One signal may reach it twice, from the terminal and through its supervisor; so only who asks
    for the second time is in a hurry.
    """

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        self.stop = asyncio.Event()
        self._asked_by: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Take what is asked from other threads to the running loop."""
        self._loop = asyncio.get_running_loop()

    def ask(self, by: str = A_SIGNAL) -> None:
        """Drain; when asked again by the same, stop at once. On the event loop."""
        if by in self._asked_by:
            self.stop.set()
        self._asked_by.add(by)
        self.drain.set()

    def ask_from_outside(self) -> None:
        """Do what `ask` does, from another thread than the event loop's."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the worker has gone
                self._loop.call_soon_threadsafe(self.ask)

    def drain_from_afar(self) -> None:
        """Drain since the ledger says so; from another thread than the event loop's."""
        if self._loop is not None:
            logger.info("This worker was asked to take no more jobs and end.")
            with suppress(RuntimeError):  # the loop is closed: the worker has gone
                self._loop.call_soon_threadsafe(self.drain.set)
