"""Queues about which something was decided, and who works, in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from .answers import NO_VITALS, Beat, Vitals, WorkerInfo
from .base import BaseBackend
from .record import Presence


class MemoryWorkers(BaseBackend):
    """The part of the ledger in memory that keeps workers."""

    _lock: RLock
    _clock: Callable[[], float]
    _workers: dict[str, Presence]
    _paused: set[str]

    def pause(self, queue: str) -> None:
        self._paused.add(queue)

    def resume(self, queue: str) -> None:
        self._paused.discard(queue)

    def paused(self) -> set[str]:
        return set(self._paused)

    def enlist(self, worker: WorkerInfo) -> None:
        with self._lock:
            self._workers[worker.worker_id] = Presence(worker, _now(), self._clock())

    def beat(self, worker_id: str, vitals: Vitals = NO_VITALS) -> bool:
        return self._say(worker_id, at=_now(), clock=self._clock(), vitals=vitals)

    def drain(self, worker_id: str) -> bool:
        return self._say(worker_id, is_draining=True)

    def _is_draining(self, worker_id: str) -> bool:
        known = self._workers.get(worker_id)
        return known is not None and known.is_draining

    def dismiss(self, worker_id: str) -> None:
        with self._lock:
            self._workers.pop(worker_id, None)

    def beats(self) -> list[Beat]:
        now = self._clock()
        with self._lock:
            return [
                Beat(p.worker, p.at, now - p.clock, p.vitals, p.is_draining)
                for p in self._workers.values()
            ]

    def _say(self, worker_id: str, **changes: Any) -> bool:
        """Note something of a worker that is enlisted; return whether it is."""
        with self._lock:
            known = self._workers.get(worker_id)
            if known is not None:
                self._workers[worker_id] = known._replace(**changes)
            return known is not None


def _now() -> datetime:
    return datetime.now(UTC)
