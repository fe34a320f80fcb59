"""How jobs come into the ledger in memory, one for each key; and which of them come too late."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import RLock
from weakref import WeakValueDictionary

from ..exceptions import AlreadyEnqueued
from ..job import Job, OnDuplicate
from ..retry import duplicate_of, expired
from .answers import Entry, Recorded, Settled
from .base import BaseBackend
from .record import Record


class MemoryRecording(BaseBackend):
    """The part of the ledger that keeps new jobs.

    `_by_key` may hold records that have given their key up; what counts is what a record says.
    """

    _clock: Callable[[], float]
    _changed: Callable[[Sequence[Record], float], Settled]

    def __init__(self) -> None:
        super().__init__()
        self._lock = RLock()
        self._sequence = itertools.count(1)
        self._records: dict[str, Record] = {}
        self._by_key: WeakValueDictionary[str, Record] = WeakValueDictionary()
        self._expiring: list[tuple[float, str]] = []

    def record(self, jobs: Sequence[Job]) -> list[Entry]:
        now, moment = self._clock(), moment_now()
        with self._lock:
            self._check_new([job.task_id for job in jobs])
            records = [self._added(job, now, moment) for job in jobs]
        return [record.entry(now) for record in records]

    def record_unique(self, jobs: Sequence[Job], *, is_late: bool = False) -> Recorded:
        now, moment = self._clock(), moment_now()
        recorded = Recorded([], [], {})
        with self._lock:
            self._check_new([job.task_id for job in jobs])
            if not is_late:
                self._check_keys(jobs)
            for job in jobs:
                first = self._holder(job)
                if first is None:
                    recorded.entries.append(self._added(job, now, moment).entry(now))
                    continue
                recorded.duplicates[job.task_id] = first.job.task_id
                if job.on_duplicate is OnDuplicate.REPLACE:
                    self._fill(first, replace(job, task_id=first.job.task_id), now, moment)
                    recorded.replaced.append(first.entry(now))
                if is_late:
                    self._note(job, first.job.task_id, now, moment)
        return recorded

    # Below, the caller holds the lock

    def _check_new(self, task_ids: Sequence[str]) -> None:
        if len(set(task_ids)) < len(task_ids) or not self._records.keys().isdisjoint(task_ids):
            raise ValueError("A job with the same id is in the ledger already. Give each its own.")

    def _check_keys(self, jobs: Sequence[Job]) -> None:
        """Raise AlreadyEnqueued for the first job that is not to be a duplicate, and is one."""
        among: dict[str | None, str] = {None: ""}
        for job in jobs:
            first = self._holder(job)
            task_id = first.job.task_id if first else among.setdefault(job.unique_key, job.task_id)
            if job.on_duplicate is OnDuplicate.RAISE and task_id not in {"", job.task_id}:
                raise AlreadyEnqueued(task_id)

    def _holder(self, job: Job) -> Record | None:
        """Return the record that has the job's key."""
        if job.unique_key is None:
            return None
        record = self._by_key.get(job.unique_key)
        return record if record is not None and record.unique_key == job.unique_key else None

    def _added(self, job: Job, now: float, moment: datetime) -> Record:
        record = self._records[job.task_id] = Record(job, next(self._sequence), now, moment)
        if job.unique_key is not None:
            self._by_key[job.unique_key] = record
        self._watch(record)
        return record

    def _fill(self, record: Record, job: Job, now: float, moment: datetime) -> None:
        record.fill(job, now, moment)
        self._watch(record)

    def _watch(self, record: Record) -> None:
        if record.expires is not None:
            heapq.heappush(self._expiring, (record.expires, record.job.task_id))

    def _note(self, job: Job, first: str, now: float, moment: datetime) -> None:
        """Record a duplicate as cancelled."""
        noted = self._added(replace(job, unique_key=None, expires_in=None), now, moment)
        noted.end_unstarted(duplicate_of(first), moment)
        self._changed([noted], now)

    def _expired(self, limit: int) -> list[Record]:
        """Cancel up to so many records that were not claimed in time."""
        return list(itertools.islice(self._expire_next(), limit))

    def _expire_next(self) -> Iterator[Record]:
        now, moment = self._clock(), moment_now()
        while self._expiring and self._expiring[0][0] <= now:
            record = self._records.get(heapq.heappop(self._expiring)[1])
            if record is not None and record.is_expired(now) and record.job.expires_in is not None:
                record.end_unstarted(expired(record.job.expires_in.total_seconds()), moment)
                yield record


def moment_now() -> datetime:
    return datetime.now(UTC)
