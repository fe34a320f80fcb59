"""The ledger in memory: objects are kept as they are, and nothing outlives the process."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Self, TypeVar

from ..config import BackendConfig
from ..job import Job, Kind, Lane
from ..reports import Report
from ..results import AT_REST, FINAL, UNFINISHED, WAITING, TaskResult, TaskStatus
from ..retry import Release, Settlement, after_crash, lost_worker
from ..serialization import ModelCodec, ObjectCodec
from .answers import Claims, Entry, Orders, Rescued, Settled, Unwanted, rescued
from .batches import batches
from .briefs import Brief
from .memory_minutes import MemoryMinutes
from .memory_recording import MemoryRecording, moment_now
from .memory_summaries import MemorySummaries
from .memory_workers import MemoryWorkers
from .record import Presence, Record
from .selection import Selection

Item = TypeVar("Item", Settlement, Release, Report)


class InMemoryBackend(MemoryRecording, MemoryMinutes, MemorySummaries, MemoryWorkers):
    """Records in a dict under a lock. `clock` is in seconds, and need only be monotonic."""

    is_shared = False

    def __init__(
        self, *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.codec = ObjectCodec()
        self._ttl = ttl
        self._clock = clock
        self._ended: deque[tuple[float, str]] = deque()
        self._workers: dict[str, Presence] = {}
        self._paused: set[str] = set()

    @classmethod
    def from_config(cls, config: BackendConfig, models: ModelCodec | None) -> Self:
        return cls(ttl=config.ttl)

    # The way in, and reading

    def results(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        with self._lock:
            return {
                task_id: self._records[task_id].as_result()
                for task_id in task_ids
                if task_id in self._records
            }

    def briefs(self, task_ids: Collection[str]) -> dict[str, Brief]:
        with self._lock:
            return {i: self._records[i].brief() for i in task_ids if i in self._records}

    def recent(self, limit: int) -> list[Brief]:
        with self._lock:
            newest = itertools.islice(reversed(self._records), limit)
            ended = (task_id for _, task_id in itertools.islice(reversed(self._ended), limit))
            running = (r.job.task_id for r in itertools.islice(self._running(), limit))
            return list(self.briefs(dict.fromkeys([*newest, *ended, *running])).values())

    def settled_among(self, task_ids: Collection[str]) -> set[str]:
        with self._lock:
            return {i for i in task_ids if i not in self._records or self._is_final(i)}

    def waiting(self, lanes: Collection[Lane], limit: int) -> list[str]:
        with self._lock:
            waiting = (r for r in self._records.values() if r.status in WAITING and r.lane in lanes)
            return [r.job.task_id for r in itertools.islice(waiting, limit)]

    def has_work(self, lanes: Collection[Lane]) -> bool:
        now = self._clock()
        with self._lock:
            waiting = [r for r in self._records.values() if r.status in WAITING and r.lane in lanes]
            return any(r.due <= now or r.status is TaskStatus.RETRYING for r in waiting)

    def queues(self) -> set[str]:
        with self._lock:
            return {r.job.queue for r in self._records.values() if r.status in WAITING}

    def overdue(self, task_ids: Collection[str], age: float) -> list[str]:
        with self._lock:
            waiting = self._in_states(task_ids, WAITING)
            old = [r for r in waiting if r.asked_for < self._clock() - age]
            return [r.job.task_id for r in sorted(old, key=lambda record: record.sequence)]

    def now(self) -> datetime:
        return moment_now()

    def select(self, selection: Selection) -> Iterator[list[str]]:
        age = selection.older_than
        before = None if age is None else self._clock() - age
        with self._lock:
            fitting = [i for i, record in self._records.items() if record.fits(selection, before)]
        yield from map(list, batches(fitting))

    # What workers do to jobs

    def claim(self, worker_id: str, task_ids: Sequence[str]) -> Claims:
        now, moment = self._clock(), moment_now()
        with self._lock:
            known = [self._records[i] for i in dict.fromkeys(task_ids) if i in self._records]
            fresh = [record for record in known if not record.is_expired(now)]
            waiting = [record for record in fresh if record.status in WAITING]
            if worker_id not in self._workers:
                return Claims([], [record.entry(now) for record in waiting])
            early = [record.entry(now) for record in waiting if record.due > now]
            return Claims([r.claim(worker_id, moment) for r in waiting if r.due <= now], early)

    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> Settled:
        now, moment = self._clock(), moment_now()
        with self._lock:
            changed = []
            for record, item in self._held_records(worker_id, settlements):
                record.settle(item, now + item.delay, moment)
                changed.append(record)
            return self._changed(changed, now)

    def release(self, worker_id: str, releases: Sequence[Release]) -> Settled:
        now, moment = self._clock(), moment_now()
        with self._lock:
            changed = []
            for record, item in self._held_records(worker_id, releases):
                record.release(item.kind, now + item.delay, moment)
                changed.append(record)
            return self._changed(changed, now)

    def report(self, worker_id: str, reports: Sequence[Report]) -> None:
        with self._lock:
            for record, item in self._held_records(worker_id, reports):
                record.report(item)

    def orders(self, worker_id: str) -> Orders:
        with self._lock:
            unwanted = [
                Unwanted(r.job.task_id, r.claim_number, r.cancelled_by or "")
                for r in self._held_by(worker_id)
                if r.cancel_requested
            ]
            return Orders(self._is_draining(worker_id), unwanted)

    def held(self, worker_id: str, kind: Kind) -> list[Job]:
        with self._lock:
            return [r.claimed() for r in self._held_by(worker_id) if r.kind is kind]

    # What anybody does to jobs

    def cancel(
        self,
        task_ids: Collection[str],
        states: Collection[TaskStatus] = UNFINISHED,
        *,
        by: str = "",
    ) -> set[str]:
        moment = moment_now()
        with self._lock:
            records = self._in_states(task_ids, UNFINISHED.intersection(states))
            touched = [record for record in records if record.cancel(moment, by)]
            self._changed(touched, self._clock())
        return {record.job.task_id for record in touched}

    def retry(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = FINAL
    ) -> list[Entry]:
        now = self._clock()
        with self._lock:
            final = self._in_states(task_ids, FINAL.intersection(states))
            for record in final:
                record.reset()
                record.due, record.expires = now, None
            return [record.entry(now) for record in final]

    def run_now(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = WAITING
    ) -> list[Entry]:
        now, moment = self._clock(), moment_now()
        with self._lock:
            waiting = self._in_states(task_ids, WAITING.intersection(states))
            for record in waiting:
                record.run_now(now, moment)
            return [record.entry(now) for record in waiting]

    def delete(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = AT_REST
    ) -> set[str]:
        with self._lock:
            deleted = self._in_states(task_ids, AT_REST.intersection(states))
            return {self._records.pop(record.job.task_id).job.task_id for record in deleted}

    def expire(self, limit: int) -> list[str]:
        with self._lock:
            expired = self._expired(limit)
            self._changed(expired, self._clock())
        return [record.job.task_id for record in expired]

    # Who works

    def rescue(self, worker_id: str, beat_at: datetime | None) -> Rescued:
        now, moment = self._clock(), moment_now()
        with self._lock:
            known = self._workers.get(worker_id)
            if (known.at if known else None) != beat_at:
                return Rescued([], [], [])
            self.dismiss(worker_id)
            held, error = self._held_by(worker_id), lost_worker(worker_id)
            lost = [after_crash(r.claimed(), error, worker=worker_id) for r in held]
            for record, loss in zip(held, lost, strict=True):
                record.settle(loss, now, moment)
            return rescued(self._changed(held, now), lost)

    def strays(self) -> set[str]:
        with self._lock:
            return {r.worker for r in self._running() if r.worker and r.worker not in self._workers}

    # Care of the store

    def prune(self, older_than: float, limit: int) -> int:
        deadline = self._clock() - older_than
        with self._lock:
            return sum(1 for _ in itertools.islice(self._forget_before(deadline), limit))

    # Below, the caller holds the lock

    def _is_final(self, task_id: str) -> bool:
        return self._records[task_id].status.is_final

    def _in_states(self, task_ids: Collection[str], states: Collection[TaskStatus]) -> list[Record]:
        known = [self._records[i] for i in dict.fromkeys(task_ids) if i in self._records]
        return [record for record in known if record.status in states]

    def _held_records(self, worker_id: str, items: Sequence[Item]) -> Iterator[tuple[Record, Item]]:
        """Yield what is held when its turn comes, so that an item given twice counts once."""
        for item in items:
            record = self._records.get(item.job.task_id)
            if record and record.is_held(worker_id, item.job.claim):
                yield record, item

    def _held_by(self, worker_id: str) -> list[Record]:
        return [r for r in self._running() if r.worker == worker_id]

    def _running(self) -> list[Record]:
        return [r for r in self._records.values() if r.status is TaskStatus.RUNNING]

    def _changed(self, records: Sequence[Record], now: float) -> Settled:
        """Note what ended, forget what is too old, and return the rest as waiting again."""
        ended = [r for r in records if r.status.is_final]
        for record in ended:
            record.ended = now
            self._ended.append((now, record.job.task_id))
        if self._ttl is not None:
            deque(self._forget_before(now - self._ttl), maxlen=0)
        accepted = {r.job.task_id for r in records}
        return Settled(accepted, [r.entry(now) for r in records if r.status in WAITING])

    def _forget_before(self, deadline: float) -> Iterator[str]:
        while self._ended and self._ended[0][0] < deadline:
            ended, task_id = self._ended.popleft()
            record = self._records.get(task_id)
            if record and record.status.is_final and record.ended == ended:
                del self._records[task_id]
                yield task_id
