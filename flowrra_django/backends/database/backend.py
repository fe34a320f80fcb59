"""The ledger's contract, kept by a Django database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import repeat
from typing import Any, Self

from django.db.backends.utils import CursorWrapper

from ...config import BackendConfig
from ...job import Job, Kind, Lane
from ...models import TaskRecord
from ...reports import log_from, progress_from
from ...results import (
    AT_REST,
    FINAL,
    UNFINISHED,
    WAITING,
    TaskResult,
    TaskStatus,
    attempts_from,
    count_retries,
)
from ...retry import Release, Settlement
from ...serialization import JsonCodec, ModelCodec
from ..answers import Claims, Entry, Settled
from ..batches import batches
from ..selection import Selection
from . import sql
from .deadlocks import despite_deadlocks
from .engine import Query, Rows, placeholders
from .entries import entries_from, waiting_among
from .glimpses import DatabaseGlimpses
from .minutes import DatabaseMinutes
from .queues import DatabaseQueues
from .recording import DatabaseRecording
from .reporting import DatabaseReporting
from .selecting import selected
from .settling import locked_among, settling, write_releases, write_settlements
from .starting import Started, expire, start
from .summaries import DatabaseSummaries
from .sweeping import DatabaseSweeping


class DatabaseBackend(
    DatabaseGlimpses,
    DatabaseMinutes,
    DatabaseQueues,
    DatabaseRecording,
    DatabaseReporting,
    DatabaseSummaries,
    DatabaseSweeping,
):
    """Records in the table of `TaskRecord`, on the calling thread's connection.

    `record` is part of the caller's transaction. A worker's writes are batches, each in one short
    transaction of its own.
    """

    joins_transactions = True

    def __init__(self, alias: str, *, models: ModelCodec | None = None) -> None:
        super().__init__(alias)
        self.codec = JsonCodec(models)

    @classmethod
    def from_config(cls, config: BackendConfig, models: ModelCodec | None) -> Self:
        return cls(config.name, models=models)

    # The way in, and reading

    def results(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        records = TaskRecord.objects.using(self.alias).order_by()
        with self.engine.mending():
            return {
                record.task_id: self._as_result(record)
                for ids in batches(task_ids)
                for record in records.filter(task_id__in=ids)
            }

    def settled_among(self, task_ids: Collection[str]) -> set[str]:
        records = TaskRecord.objects.using(self.alias).order_by().exclude(status__in=FINAL)
        with self.engine.mending():
            going_on = {
                task_id
                for ids in batches(task_ids)
                for task_id in records.filter(task_id__in=ids).values_list("task_id", flat=True)
            }
        return set(task_ids) - going_on

    def waiting(self, lanes: Collection[Lane], limit: int) -> list[str]:
        with self.engine.reading() as cursor:
            cursor.execute(*self.engine.of_lanes(sql.WAITING_OF_LANES, lanes, limit))
            return [row[0] for row in cursor.fetchall()]

    def has_work(self, lanes: Collection[Lane]) -> bool:
        now = self.engine.moment()
        with self.engine.reading() as cursor:
            cursor.execute(*self.engine.of_lanes(sql.WORK, lanes, now))
            return cursor.fetchone() is not None

    def queues(self) -> set[str]:
        with self.engine.reading() as cursor:
            cursor.execute(self.engine.render(sql.QUEUES))
            return {row[0] for row in cursor.fetchall() if isinstance(row[0], str)}

    def overdue(self, task_ids: Collection[str], age: float) -> list[str]:
        before = self.engine.moment(-age)
        old: list[tuple[int, str]] = []
        with self.engine.reading() as cursor:
            for ids in batches(task_ids):
                overdue = self.engine.render(sql.OVERDUE, ids=placeholders(ids))
                cursor.execute(overdue, [*ids, before])
                old += cursor.fetchall()
        return [task_id for _, task_id in sorted(old)]

    def now(self) -> datetime:
        return self.engine.clock()

    def select(self, selection: Selection) -> Iterator[list[str]]:
        return selected(self.engine, selection)

    # What workers do to jobs

    def claim(self, worker_id: str, task_ids: Sequence[str]) -> Claims:
        if not task_ids:
            return Claims([], [])
        claimable = self.engine.render(sql.CLAIMABLE, ids=placeholders(task_ids))
        with self.engine.writing() as cursor:
            rows = Query(claimable, [*task_ids, self.engine.moment()])
            jobs = self.claim_rows(cursor, worker_id, rows).jobs
            won = {job.task_id for job in jobs}
            refused = [task_id for task_id in task_ids if task_id not in won]
            return Claims(jobs, waiting_among(self.engine, cursor, refused))

    def claim_rows(self, cursor: CursorWrapper, worker_id: str, rows: Query) -> Started:
        """Claim the rows that a query selects, if the worker is enlisted; first things first.

        Those that come too late are cancelled instead.
        """
        started_at = self.engine.clock()
        claimed = self.engine.claim(cursor, worker_id, started_at, rows)
        in_time = start(self.engine, cursor, claimed, started_at)
        jobs = self.jobs_from(cursor, in_time, worker_id, repeat(started_at))
        in_order = sorted(jobs, key=lambda job: (job.priority, job.sequence))
        return Started(in_order, len(claimed) - len(in_time))

    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> Settled:
        with settling(self.engine) as cursor:
            return write_settlements(self.engine, cursor, worker_id, settlements)

    def release(self, worker_id: str, releases: Sequence[Release]) -> Settled:
        with settling(self.engine) as cursor:
            return write_releases(self.engine, cursor, worker_id, releases)

    def locked(self, jobs: Collection[Job]) -> set[str]:
        return locked_among(self.engine, jobs)

    def held(self, worker_id: str, kind: Kind) -> list[Job]:
        with self.engine.reading() as cursor:
            return self.jobs_of(cursor, worker_id, kind)

    # What anybody does to jobs

    def cancel(
        self,
        task_ids: Collection[str],
        states: Collection[TaskStatus] = UNFINISHED,
        *,
        by: str = "",
    ) -> set[str]:
        change = sql.CANCEL.among(states)
        cancelled: set[str] = set()
        for ids in batches(task_ids):
            values = [by or None, self.engine.moment()]
            changed = despite_deadlocks(self.engine, partial(self._change, change, values, ids))
            cancelled.update(row[0] for row in changed)
        return cancelled

    def retry(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = FINAL
    ) -> list[Entry]:
        return self._made_ready(sql.RETRY.among(states), [], task_ids)

    def run_now(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = WAITING
    ) -> list[Entry]:
        now = self.engine.moment()
        return self._made_ready(sql.RUN_NOW.among(states), [now, now], task_ids)

    def delete(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = AT_REST
    ) -> set[str]:
        states = AT_REST.intersection(states)
        deleted: set[str] = set()
        for ids in batches(task_ids):
            rows = despite_deadlocks(self.engine, partial(self._delete, ids, states))
            deleted.update(row[0] for row in rows)
        return deleted

    def expire(self, limit: int) -> list[str]:
        return expire(self.engine, limit)

    # Care of the store

    def prune(self, older_than: float, limit: int) -> int:
        with self.engine.writing() as cursor:
            return self.engine.prune(cursor, self.engine.moment(-older_than), limit)

    def is_busy(self, error: Exception) -> bool:
        return self.engine.is_busy(error)

    def is_outage(self, error: Exception) -> bool:
        return self.engine.is_outage(error)

    def close(self) -> None:
        self.engine.close()

    def _made_ready(
        self, change: sql.Change, values: Sequence[Any], task_ids: Collection[str]
    ) -> list[Entry]:
        """Make a change after which jobs wait to be taken; return them."""
        ready: list[Entry] = []
        for ids in batches(task_ids):
            made = partial(self._entries_of_change, change, values, ids)
            ready.extend(despite_deadlocks(self.engine, made))
        return ready

    def _entries_of_change(
        self, change: sql.Change, values: Sequence[Any], ids: Sequence[str]
    ) -> list[Entry]:
        with self.engine.writing() as cursor:
            changed = self.engine.change(cursor, change, values, ids)
            return entries_from(self.engine, cursor, changed)

    def _change(self, change: sql.Change, values: Sequence[Any], ids: Sequence[str]) -> Rows:
        with self.engine.writing() as cursor:
            return self.engine.change(cursor, change, values, ids)

    def _delete(self, ids: Sequence[str], states: Collection[TaskStatus]) -> Rows:
        with self.engine.writing() as cursor:
            return self.engine.delete(cursor, ids, states)

    def _moment(self, value: datetime | None) -> datetime | None:
        return None if value is None else self.engine.read_moment(value)

    def _as_result(self, record: TaskRecord) -> TaskResult:
        status = TaskStatus(record.status)
        decode = self.codec.decode
        return TaskResult(
            task_id=record.task_id,
            status=status,
            task_name=record.task_name,
            result=None if record.result is None else decode(record.result, strict=False),
            error=record.error if record.error_type else None,
            submitted_at=self._moment(record.submitted_at),
            started_at=self._moment(record.started_at),
            finished_at=self._moment(record.finished_at),
            retries=count_retries(status, record.failures, record.crashes),
            args=tuple(decode(record.args, strict=False)),
            kwargs=decode(record.kwargs, strict=False),
            queue=record.queue,
            priority=record.priority,
            run_after=self._moment(record.run_after),
            attempts=record.attempts,
            failures=record.failures,
            crashes=record.crashes,
            worker=record.worker or None,
            error_type=record.error_type or None,
            traceback=record.traceback or None,
            history=attempts_from(record.history),
            meta=record.meta,
            progress=progress_from(record.progress),
            log=log_from(record.log),
            cancelled_by=record.cancelled_by,
            was_stopped=record.was_stopped,
            expires_at=self._moment(record.expires_at),
        )
