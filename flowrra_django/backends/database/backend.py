"""The ledger's contract, kept by a Django database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from ...config import BackendConfig
from ...job import Job, Kind, Lane
from ...models import TaskRecord
from ...results import FINAL, TaskResult, TaskStatus, count_retries
from ...retry import Release, Settlement
from ...serialization import JsonCodec, ModelCodec
from ..base import Claims, Entry, Settled
from . import sql
from .engine import in_utc
from .settling import entry_of, write_releases, write_settlements
from .workers import DatabaseWorkers

BATCH = 500


class DatabaseBackend(DatabaseWorkers):
    """Records in the table of `TaskRecord`, on the calling thread's connection.

    `record` is part of the caller's transaction. A worker's writes are batches, each in one short
    transaction of its own.
    """

    def __init__(self, alias: str, *, models: ModelCodec | None = None) -> None:
        super().__init__(alias)
        self.codec = JsonCodec(models)

    @classmethod
    def from_config(cls, config: BackendConfig, models: ModelCodec | None) -> Self:
        return cls(config.name, models=models)

    # The way in, and reading

    def record(self, jobs: Sequence[Job]) -> list[Entry]:
        dues = [self._due(job.run_after) for job in jobs]
        rows = [self._row(job, due) for job, due in zip(jobs, dues, strict=True)]
        if len(rows) == 1:
            with self.engine.reading() as cursor:
                cursor.execute(sql.INSERT, rows[0])
        elif rows:
            with transaction.atomic(using=self.alias), self.engine.reading() as cursor:
                cursor.executemany(sql.INSERT, rows)
        delays = map(self.engine.seconds_until, dues)
        return [entry_of(job, delay) for job, delay in zip(jobs, delays, strict=True)]

    def results(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        records = TaskRecord.objects.using(self.alias).order_by()
        return {
            record.task_id: self._as_result(record)
            for ids in _batches(task_ids)
            for record in records.filter(task_id__in=ids)
        }

    def settled_among(self, task_ids: Collection[str]) -> set[str]:
        records = TaskRecord.objects.using(self.alias).order_by().exclude(status__in=FINAL)
        going_on = {
            task_id
            for ids in _batches(task_ids)
            for task_id in records.filter(task_id__in=ids).values_list("task_id", flat=True)
        }
        return set(task_ids) - going_on

    def waiting(self, lanes: Collection[Lane], limit: int) -> list[str]:
        with self.engine.reading() as cursor:
            cursor.execute(sql.WAITING_OF_LANES, [sql.as_table(lanes), limit])
            return [row[0] for row in cursor.fetchall()]

    def has_work(self, lanes: Collection[Lane]) -> bool:
        with self.engine.reading() as cursor:
            cursor.execute(sql.WORK, [sql.as_table(lanes), self.engine.moment()])
            return cursor.fetchone() is not None

    def queues(self) -> set[str]:
        with self.engine.reading() as cursor:
            cursor.execute(sql.QUEUES)
            return {row[0] for row in cursor.fetchall() if row[0] is not None}

    # What workers do to jobs

    def claim(self, worker_id: str, task_ids: Sequence[str]) -> Claims:
        if not task_ids:
            return Claims([], [])
        rows = (
            f"SELECT id FROM {sql.TABLE} WHERE task_id IN ({sql.placeholders(task_ids)}) "
            f"AND {sql.STILL_WAITING} AND (due_at IS NULL OR due_at <= %s)"
        )
        with self.engine.writing() as cursor:
            jobs = self.claim_rows(cursor, worker_id, rows, [*task_ids, self.engine.moment()])
            won = {job.task_id for job in jobs}
            return Claims(jobs, self._waiting(cursor, [i for i in task_ids if i not in won]))

    def claim_rows(
        self, cursor: CursorWrapper, worker_id: str, rows: str, parameters: Sequence[Any]
    ) -> list[Job]:
        """Claim the rows that a subquery selects, if the worker is enlisted; first things first."""
        now = self.engine.moment()
        cursor.execute(sql.CLAIM.format(rows=rows), [worker_id, now, *parameters, worker_id])
        started_at = self.engine.read_moment(now)
        jobs = [sql.job_from(row, started_at) for row in cursor.fetchall()]
        return sorted(jobs, key=lambda job: (job.priority, job.sequence))

    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> Settled:
        with self.engine.writing() as cursor:
            return write_settlements(self.engine, cursor, worker_id, settlements)

    def release(self, worker_id: str, releases: Sequence[Release]) -> Settled:
        with self.engine.writing() as cursor:
            return write_releases(self.engine, cursor, worker_id, releases)

    def held(self, worker_id: str, kind: Kind) -> list[Job]:
        with self.engine.reading() as cursor:
            return self.jobs_of(cursor, worker_id, kind)

    # What anybody does to jobs

    def cancel(self, task_ids: Collection[str]) -> set[str]:
        cancelled: set[str] = set()
        for ids in _batches(task_ids):
            statement = sql.CANCEL.format(ids=sql.placeholders(ids))
            with self.engine.writing() as cursor:
                cursor.execute(statement, [self.engine.moment(), *ids])
                cancelled.update(row[0] for row in cursor.fetchall())
        return cancelled

    def retry(self, task_ids: Collection[str]) -> list[Entry]:
        waiting: list[Entry] = []
        for ids in _batches(task_ids):
            statement = sql.RETRY.format(ids=sql.placeholders(ids))
            with self.engine.writing() as cursor:
                cursor.execute(statement, list(ids))
                waiting.extend(_entry(*row) for row in cursor.fetchall())
        return waiting

    # Care of the store

    def prune(self, older_than: float, limit: int) -> int:
        with self.engine.writing() as cursor:
            cursor.execute(sql.PRUNE, [self.engine.moment(-older_than), limit])
            return int(cursor.rowcount)

    def is_busy(self, error: Exception) -> bool:
        return self.engine.is_busy(error)

    def is_outage(self, error: Exception) -> bool:
        return self.engine.is_outage(error)

    def close(self) -> None:
        self.engine.close()

    def _row(self, job: Job, due: Any) -> tuple[Any, ...]:
        return (
            job.task_id, job.task_name, job.queue, job.kind.value, job.priority, job.args,
            job.kwargs, self.engine.moment(), due, due, job.max_crashes,
        )  # fmt: skip

    def _due(self, run_after: datetime | timedelta | None) -> Any:
        if isinstance(run_after, timedelta):
            return self.engine.moment(run_after.total_seconds())
        return self.engine.parameter(run_after)

    def _waiting(self, cursor: CursorWrapper, task_ids: Sequence[str]) -> list[Entry]:
        cursor.execute(
            f"SELECT task_id, queue, kind, priority, id, due_at FROM {sql.TABLE} "
            f"WHERE task_id IN ({sql.placeholders(task_ids)}) AND {sql.STILL_WAITING}",
            list(task_ids),
        )
        return [
            _entry(*row)._replace(delay=self.engine.seconds_until(due_at))
            for *row, due_at in cursor.fetchall()
        ]

    def _as_result(self, record: TaskRecord) -> TaskResult:
        status = TaskStatus(record.status)
        decode = self.codec.decode
        return TaskResult(
            task_id=record.task_id,
            status=status,
            task_name=record.task_name,
            result=None if record.result is None else decode(record.result, strict=False),
            error=record.error if record.error_type else None,
            submitted_at=_in_utc(record.submitted_at),
            started_at=_in_utc(record.started_at),
            finished_at=_in_utc(record.finished_at),
            retries=count_retries(status, record.failures, record.crashes),
            args=tuple(decode(record.args, strict=False)),
            kwargs=decode(record.kwargs, strict=False),
            queue=record.queue,
            priority=record.priority,
            run_after=_in_utc(record.run_after),
            attempts=record.attempts,
            failures=record.failures,
            crashes=record.crashes,
            worker=record.worker or None,
            error_type=record.error_type or None,
            traceback=record.traceback or None,
        )


def _entry(task_id: str, queue: str, kind: str, priority: int, sequence: int) -> Entry:
    return Entry(task_id, Lane(queue, Kind(kind)), priority, sequence)


def _in_utc(moment: datetime | None) -> datetime | None:
    return in_utc(moment) if moment else None


def _batches(task_ids: Collection[str]) -> Iterator[list[str]]:
    ids = list(task_ids)
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
