"""The ledger in memory: objects are kept as they are, and nothing outlives the process."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import NamedTuple, Self, TypeVar

from ..config import BackendConfig
from ..job import Job, Kind, Lane
from ..results import WAITING, TaskResult, TaskStatus
from ..retry import Release, Settlement, after_crash, lost_worker
from ..serialization import ModelCodec, ObjectCodec
from .base import BaseBackend, Beat, Claims, Entry, Settled, WorkerInfo
from .record import Record

Item = TypeVar("Item", Settlement, Release)


class Presence(NamedTuple):
    """A worker that is enlisted, and when it last beat: for people, and by the ledger's clock."""

    worker: WorkerInfo
    at: datetime
    clock: float


class InMemoryBackend(BaseBackend):
    """Records in a dict under a lock. `clock` is in seconds, and need only be monotonic."""

    is_shared = False

    def __init__(
        self, *, ttl: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.codec = ObjectCodec()
        self._ttl = ttl
        self._clock = clock
        self._lock = RLock()
        self._sequence = itertools.count(1)
        self._records: dict[str, Record] = {}
        self._ended: deque[tuple[float, str]] = deque()
        self._workers: dict[str, Presence] = {}

    @classmethod
    def from_config(cls, config: BackendConfig, models: ModelCodec | None) -> Self:
        return cls(ttl=config.ttl)

    # The way in, and reading

    def record(self, jobs: Sequence[Job]) -> list[Entry]:
        now, moment = self._clock(), _now()
        with self._lock:
            self._check_new([job.task_id for job in jobs])
            records = [
                Record(job, next(self._sequence), now + _delay(job, moment), moment) for job in jobs
            ]
            self._records.update((record.job.task_id, record) for record in records)
        return [record.entry(now) for record in records]

    def results(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        with self._lock:
            return {
                task_id: self._records[task_id].as_result()
                for task_id in task_ids
                if task_id in self._records
            }

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

    # What workers do to jobs

    def claim(self, worker_id: str, task_ids: Sequence[str]) -> Claims:
        now, moment = self._clock(), _now()
        with self._lock:
            waiting = [
                record
                for task_id in dict.fromkeys(task_ids)
                if (record := self._records.get(task_id)) and record.status in WAITING
            ]
            if worker_id not in self._workers:
                return Claims([], [record.entry(now) for record in waiting])
            early = [record.entry(now) for record in waiting if record.due > now]
            return Claims([r.claim(worker_id, moment) for r in waiting if r.due <= now], early)

    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> Settled:
        now, moment = self._clock(), _now()
        with self._lock:
            changed = []
            for record, item in self._held_records(worker_id, settlements):
                record.settle(item, now + item.delay, moment)
                changed.append(record)
            return self._changed(changed, now)

    def release(self, worker_id: str, releases: Sequence[Release]) -> Settled:
        now, moment = self._clock(), _now()
        with self._lock:
            changed = []
            for record, item in self._held_records(worker_id, releases):
                record.release(item.kind, now + item.delay, moment)
                changed.append(record)
            return self._changed(changed, now)

    def held(self, worker_id: str, kind: Kind) -> list[Job]:
        with self._lock:
            mine = [r for r in self._running() if r.worker == worker_id and r.kind is kind]
            return [record.claimed() for record in mine]

    # What anybody does to jobs

    def cancel(self, task_ids: Collection[str]) -> set[str]:
        moment = _now()
        with self._lock:
            records = [self._records[i] for i in task_ids if i in self._records]
            touched = [record for record in records if record.cancel(moment)]
            self._changed(touched, self._clock())
        return {record.job.task_id for record in touched}

    def retry(self, task_ids: Collection[str]) -> list[Entry]:
        now = self._clock()
        with self._lock:
            known = [i for i in dict.fromkeys(task_ids) if i in self._records]
            final = [self._records[i] for i in known if self._is_final(i)]
            for record in final:
                record.reset()
                record.due = now
            return [record.entry(now) for record in final]

    # Who works

    def enlist(self, worker: WorkerInfo) -> None:
        with self._lock:
            self._workers[worker.worker_id] = Presence(worker, _now(), self._clock())

    def beat(self, worker_id: str) -> bool:
        with self._lock:
            known = self._workers.get(worker_id)
            if known is not None:
                self._workers[worker_id] = Presence(known.worker, _now(), self._clock())
            return known is not None

    def dismiss(self, worker_id: str) -> None:
        with self._lock:
            self._workers.pop(worker_id, None)

    def beats(self) -> list[Beat]:
        now = self._clock()
        with self._lock:
            return [Beat(p.worker, p.at, now - p.clock) for p in self._workers.values()]

    def rescue(self, worker_id: str, beat_at: datetime | None) -> list[Entry]:
        now, moment = self._clock(), _now()
        with self._lock:
            known = self._workers.get(worker_id)
            if (known.at if known else None) != beat_at:
                return []
            self.dismiss(worker_id)
            lost = [record for record in self._running() if record.worker == worker_id]
            for record in lost:
                job = record.claimed()
                record.settle(
                    after_crash(job, lost_worker(worker_id), worker=worker_id), now, moment
                )
            return self._changed(lost, now).waiting

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

    def _check_new(self, task_ids: Sequence[str]) -> None:
        if len(set(task_ids)) < len(task_ids) or not self._records.keys().isdisjoint(task_ids):
            raise ValueError("A job with the same id is in the ledger already. Give each its own.")

    def _held_records(self, worker_id: str, items: Sequence[Item]) -> Iterator[tuple[Record, Item]]:
        """Yield what is held when its turn comes, so that an item given twice counts once."""
        for item in items:
            record = self._records.get(item.job.task_id)
            if record and record.is_held(worker_id, item.job.claim):
                yield record, item

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


def _now() -> datetime:
    return datetime.now(UTC)


def _delay(job: Job, moment: datetime) -> float:
    """Return in how many seconds the job is due."""
    match job.run_after:
        case None:
            return 0.0
        case timedelta() as delay:
            return max(0.0, delay.total_seconds())
        case at:
            return max(0.0, (at - moment).total_seconds())
