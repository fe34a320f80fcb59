"""All slots of a runner, and who comes after a slot whose child has done its share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from .slot import Slot

LEAD = 20  # jobs of no length at all take as long as the start of a child


class Slots:
    """Lends out `size` slots, and replaces each after `max_jobs` calls to one child.

    The successor's child starts while the old one has calls left, so that no job waits for it.
    """

    def __init__(self, create: Callable[[], Slot], size: int, max_jobs: int | None) -> None:
        self._create = create
        self._max_jobs = max_jobs
        self._successors: dict[Slot, Slot] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._open = {create() for _ in range(size)}
        # Last in, first out: a few children are kept busy, and others are not even started.
        self._free: asyncio.LifoQueue[Slot] = asyncio.LifoQueue()
        for slot in self._open:
            self._free.put_nowait(slot)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Slot]:
        """Give a free slot, for one call."""
        slot = await self._free.get()
        try:
            self._prepare_successor(slot)
            yield slot
        finally:
            self._free.put_nowait(self._next(slot))

    async def close(self) -> None:
        """Kill what runs, whose jobs are given back. No child is left."""
        self._is_closing = True
        for slot in self._open:
            slot.give_up()
        await asyncio.gather(*(slot.close() for slot in list(self._open)), *self._tasks)

    def _prepare_successor(self, slot: Slot) -> None:
        is_due = self._max_jobs is not None and slot.calls + LEAD >= self._max_jobs
        if is_due and slot not in self._successors and not self._is_closing:
            successor = self._successors[slot] = self._create()
            self._open.add(successor)
            self._begin(successor.warm())

    def _next(self, slot: Slot) -> Slot:
        if self._max_jobs is None or slot.calls < self._max_jobs or self._is_closing:
            return slot
        self._begin(self._retire(slot))
        return self._successors.pop(slot)

    async def _retire(self, slot: Slot) -> None:
        await slot.close()
        self._open.discard(slot)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
