"""The index in memory: one heap a lane, and one for what is delayed."""

from __future__ import annotations

import heapq
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from threading import Lock
from typing import Self

from ..backends.answers import Entry
from ..backends.base import MOST_FRONTS, BaseBackend
from ..config import StoreConfig
from ..job import Lane
from .base import ALL_AT_ONCE, BaseBroker, Taken, Turn, Turns

SPARE = 64  # entries that are forgotten, which a lane may hold beside as many as count

Heap = list[tuple[float, int, Entry]]  # priority, or when it is due, and sequence


class MemoryBroker(BaseBroker):
    """Heaps under a lock. `clock` is in seconds, and need only be monotonic.

    A heap may hold entries that are forgotten; the ones that count are those in `_known`.
    """

    def __init__(self, ledger: BaseBackend, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(ledger)
        self._clock = clock
        self._lock = Lock()
        self._ready: defaultdict[Lane, Heap] = defaultdict(list)
        self._delayed: defaultdict[Lane, Heap] = defaultdict(list)
        self._known: dict[str, Entry] = {}
        self._depths: Counter[Lane] = Counter()

    @classmethod
    def from_config(cls, config: StoreConfig, ledger: BaseBackend) -> Self:
        return cls(ledger)

    def push(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            self._learn(entries)
        self.ring_for(entries)

    def take(
        self, worker_id: str, lanes: Collection[Lane], limit: int, turns: Turns = ALL_AT_ONCE
    ) -> Taken:
        with self._lock:
            self._promote(lanes, self._clock())
            task_ids = self._pop(lanes, limit, turns)
        jobs, waiting = self.ledger.claim(worker_id, task_ids)
        with self._lock:
            self._learn(waiting)  # without a ring: who was refused would be refused again at once
            return Taken(jobs, self._next_due(lanes))

    def fronts(self, lanes: Collection[Lane]) -> list[str]:
        with self._lock:
            self._promote(lanes, self._clock())
            return [task_id for lane in lanes for task_id in self._fronts(lane)]

    def forget(self, task_ids: Collection[str]) -> None:
        with self._lock:
            for task_id in task_ids:
                self._forget(task_id)

    def depth(self, lanes: Collection[Lane], limit: int) -> int:
        with self._lock:
            return min(limit, sum(self._depths[lane] for lane in lanes))

    # Below, the caller holds the lock

    def _learn(self, entries: Sequence[Entry]) -> None:
        now = self._clock()
        for entry in entries:
            if entry.task_id not in self._known:
                self._known[entry.task_id] = entry
                self._depths[entry.lane] += 1
                if entry.delay > 0:
                    delayed = (now + entry.delay, entry.sequence, entry)
                    heapq.heappush(self._delayed[entry.lane], delayed)
                else:
                    self._make_ready(entry)

    def _forget(self, task_id: str) -> None:
        entry = self._known.pop(task_id, None)
        if entry is not None:
            self._depths[entry.lane] -= 1
            self._tidy(entry.lane)

    def _tidy(self, lane: Lane) -> None:
        """Drop what is forgotten, once that is most: its turn at the head may be far off."""
        heaps = self._ready[lane], self._delayed[lane]
        if sum(map(len, heaps)) <= 2 * self._depths[lane] + SPARE:
            return
        for heap in heaps:
            heap[:] = [each for each in heap if self._known.get(each[2].task_id) is each[2]]
            heapq.heapify(heap)

    def _make_ready(self, entry: Entry) -> None:
        ready = (entry.priority, entry.sequence, entry)
        heapq.heappush(self._ready[entry.lane], ready)

    def _promote(self, lanes: Collection[Lane], now: float) -> None:
        for lane in lanes:
            delayed = self._delayed[lane]
            while self._has_first(delayed) and delayed[0][0] <= now:
                self._make_ready(heapq.heappop(delayed)[2])

    def _pop(self, lanes: Collection[Lane], limit: int, turns: Turns) -> list[str]:
        popped: Counter[Lane] = Counter()

        def place(lane: Lane) -> tuple[float, float, int]:
            start, step = turns.get(lane, Turn())
            return (start + popped[lane] * step, *self._ready[lane][0][:2])

        task_ids: list[str] = []
        while len(task_ids) < limit and (lanes := [*filter(self._has_ready, lanes)]):
            lane = min(lanes, key=place)
            entry = heapq.heappop(self._ready[lane])[2]
            popped[lane] += 1
            self._forget(entry.task_id)
            task_ids.append(entry.task_id)
        return task_ids

    def _fronts(self, lane: Lane) -> list[str]:
        first: dict[float, Entry] = {}
        for priority, _, entry in sorted(self._ready[lane], key=lambda ready: ready[:2]):
            if self._known.get(entry.task_id) is entry:
                first.setdefault(priority, entry)
        return [entry.task_id for entry in list(first.values())[-MOST_FRONTS:]]

    def _has_ready(self, lane: Lane) -> bool:
        return self._has_first(self._ready[lane])

    def _has_first(self, heap: Heap) -> bool:
        """Drop what is forgotten from the head; return whether anything is left."""
        while heap and self._known.get(heap[0][2].task_id) is not heap[0][2]:
            heapq.heappop(heap)
        return bool(heap)

    def _next_due(self, lanes: Collection[Lane]) -> float | None:
        if any(self._has_first(self._ready[lane]) for lane in lanes):
            return None
        dues = [self._delayed[lane][0][0] for lane in lanes if self._has_first(self._delayed[lane])]
        return max(0.0, min(dues) - self._clock()) if dues else None
