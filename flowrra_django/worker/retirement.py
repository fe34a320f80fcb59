"""A worker that has done its share makes room for a fresh one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..engine.events import Finished, OnEvent, Started, tell
from .memory import resident_bytes

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifespan:
    """After how many jobs, or megabytes of its own process, a worker has done its share."""

    max_jobs: int | None = None
    max_memory: int | None = None


ENDLESS = Lifespan()


class Retirement:
    """Tells when a worker has done its share. Hears what becomes of jobs, and tells `on_event`."""

    def __init__(self, on_event: OnEvent | None = None) -> None:
        self._lifespan = ENDLESS
        self._on_event = on_event
        self._begun = self._ended = 0
        self._is_due = asyncio.Event()
        self.reason = ""

    def open(self, lifespan: Lifespan) -> None:
        """Begin to compare with this."""
        self._lifespan = lifespan

    def hear(self, event: Started | Finished) -> None:
        if isinstance(event, Started):
            self._begun += 1
            if self._begun == self._lifespan.max_jobs:
                self._set_due(f"it has begun as many jobs as it may (--max-jobs {self._begun})")
        else:
            self._ended += 1
        if self._on_event:
            tell(self._on_event, event)

    async def look(self) -> None:
        """Compare the memory with its limit, once a job has ended.

        Under a limit that is too low to start with, each worker then still does some work.
        """
        limit = self._lifespan.max_memory
        if limit is None or not self._ended:
            return
        megabytes = resident_bytes() / MEGABYTE
        if megabytes > limit:
            self._set_due(f"it takes {megabytes:,.0f} MB of memory (--max-memory {limit})")

    async def until_due(self) -> None:
        await self._is_due.wait()

    @property
    def is_due(self) -> bool:
        return self._is_due.is_set()

    def _set_due(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._is_due.set()
