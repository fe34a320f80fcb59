"""Calls from an event loop to where a store is worked on, with patience while it is away."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from .outage import Outage, delays
from .store_thread import Place

P = ParamSpec("P")
R = TypeVar("R")


class Calls(ABC):
    """Takes calls to a store's own thread, `place`, or to that of outcomes, `writer`.

    They are two where the ledger can be written to while jobs are claimed, so that claims and
    outcomes need not take turns; else they are the same.
    """

    def __init__(self, place: Place, writer: Place) -> None:
        self.place = place
        self.writer = writer
        self.outage = Outage()

    @abstractmethod
    def may_pass(self, error: Exception) -> bool:
        """Whether a later try may do; tells of an outage, once."""

    @abstractmethod
    def _renew(self) -> None:
        """Close the calling thread's connection, so that the next call opens another."""

    async def run(self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call on the store's own thread."""
        return await self.place.run(func, *args, **kwargs)

    async def insist(self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call on the store's own thread, again for as long as the store is away or busy."""
        return await self._insist(self.place, partial(func, *args, **kwargs))

    async def write(self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do the same where a worker writes what became of its jobs."""
        return await self._insist(self.writer, partial(func, *args, **kwargs))

    async def _insist(self, place: Place, call: Callable[[], R]) -> R:
        for delay in delays():
            asked_at = time.monotonic()
            try:
                result = await place.run(call)
            except Exception as error:
                if not self.may_pass(error):
                    raise
                await asyncio.sleep(delay)
            else:
                self._note_answer(place, asked_at)
                return result
        raise AssertionError  # the delays never end

    def _note_answer(self, place: Place, asked_at: float) -> None:
        """End an outage. What the other thread had open is not relied upon: it might begin one."""
        if self.outage.end(asked_at):
            for other in {self.place, self.writer} - {place}:
                other.later(self._renew)

    def nudge(self) -> None:
        """Make the threads show that they are alive, and ask their pollers when to look."""
        for place in {self.place, self.writer}:
            place.nudge()

    def seen_alive(self) -> float:
        """Return when the thread that is silent for longer was seen, by the monotonic clock."""
        return min(self.place.seen_alive(), self.writer.seen_alive())

    def stop(self) -> None:
        """Finish what was asked for and end the threads; the next call starts them again."""
        for place in {self.place, self.writer}:
            place.stop()
