"""Who works: heartbeats, and the rescue of what a silent worker held."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

from ...job import Job, Kind
from ...models import WorkerProcess
from ...retry import after_crash, lost_worker
from ..answers import NO_VITALS, Beat, Rescued, Vitals, WorkerInfo, rescued
from ..base import BaseBackend
from . import sql
from .engines import engine_of
from .entries import spoil
from .rows import Moments, is_sound, job_from
from .settling import write_settlements

logger = logging.getLogger(__name__)

ENLIST = f"""
INSERT INTO {sql.WORKERS} (
    worker_id, host, pid, process, queues, kinds, version, started_at, beat_at,
    is_draining, abandoned
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, FALSE, 0)
"""
IS_ENLISTED = f"SELECT 1 FROM {sql.WORKERS} WHERE worker_id = %s"
DRAIN = f"UPDATE {sql.WORKERS} SET is_draining = TRUE WHERE worker_id = %s"

STRAYS = f"""
SELECT DISTINCT worker FROM {{by_worker}}
WHERE status = 'running' AND worker NOT IN (SELECT worker_id FROM {sql.WORKERS})
"""
BEAT = f"UPDATE {sql.WORKERS} SET beat_at = %s, memory = %s, abandoned = %s WHERE worker_id = %s"
DISMISS = f"DELETE FROM {sql.WORKERS} WHERE worker_id = %s"


class DatabaseWorkers(BaseBackend):
    """The part of the ledger that keeps the table of `WorkerProcess`."""

    def __init__(self, alias: str) -> None:
        self.engine = engine_of(alias)
        self.has_many_writers = self.engine.has_many_writers
        self.alias = alias

    def enlist(self, worker: WorkerInfo) -> None:
        now = self.engine.moment()
        queues, kinds = ", ".join(worker.queues), ", ".join(worker.kinds)
        described = (worker.worker_id, worker.host, worker.pid, worker.process, queues, kinds)
        with self.engine.writing() as cursor:
            cursor.execute(DISMISS, [worker.worker_id])  # if it was, and its reply got lost
            cursor.execute(ENLIST, [*described, worker.version, now, now])

    def beat(self, worker_id: str, vitals: Vitals = NO_VITALS) -> bool:
        with self.engine.writing() as cursor:
            cursor.execute(BEAT, [self.engine.moment(), *vitals, worker_id])
            return bool(cursor.rowcount)

    def drain(self, worker_id: str) -> bool:
        with self.engine.writing() as cursor:
            cursor.execute(DRAIN, [worker_id])
            cursor.execute(IS_ENLISTED, [worker_id])
            return cursor.fetchone() is not None

    def dismiss(self, worker_id: str) -> None:
        with self.engine.writing() as cursor:
            cursor.execute(DISMISS, [worker_id])

    def beats(self) -> list[Beat]:
        now = self.engine.clock()
        with self.engine.mending():
            rows = list(WorkerProcess.objects.using(self.alias).all())
        return [self._beat(row, now) for row in rows]

    def _beat(self, row: WorkerProcess, now: datetime) -> Beat:
        at = self.engine.read_moment(row.beat_at)
        vitals = Vitals(row.memory, row.abandoned)
        return Beat(_info(row), at, (now - at).total_seconds(), vitals, row.is_draining)

    def rescue(self, worker_id: str, beat_at: datetime | None) -> Rescued:
        with self.engine.writing() as cursor:
            if not self._is_gone(cursor, worker_id, beat_at):
                return Rescued([], [], [])
            error = lost_worker(worker_id)
            jobs = self.jobs_of(cursor, worker_id)
            lost = [after_crash(job, error, worker=worker_id) for job in jobs]
            return rescued(write_settlements(self.engine, cursor, worker_id, lost), lost)

    def strays(self) -> set[str]:
        with self.engine.reading() as cursor:
            cursor.execute(self.engine.render(STRAYS))
            return {row[0] for row in cursor.fetchall()}

    def _is_gone(self, cursor: CursorWrapper, worker_id: str, beat_at: datetime | None) -> bool:
        """Dismiss the worker if it has not beaten since; say whether it is gone."""
        if beat_at is not None:
            silent = f"{DISMISS} AND beat_at = %s"
            cursor.execute(silent, [worker_id, self.engine.parameter(beat_at)])
            return bool(cursor.rowcount)
        cursor.execute(IS_ENLISTED, [worker_id])
        return cursor.fetchone() is None

    def jobs_from(
        self,
        cursor: CursorWrapper,
        rows: Sequence[Sequence[Any]],
        worker_id: str,
        starts: Iterable[datetime],
    ) -> list[Job]:
        """Return the jobs that rows of `JOB_COLUMNS` describe, as this worker holds them.

        A row that describes none is failed: it would hold up what was claimed along with it.
        """
        submitted = self.engine.read_moments([row[-1] for row in rows])
        jobs: list[Job] = []
        for row, submitted_at, started_at in zip(rows, submitted, starts, strict=False):
            if is_sound(row):
                run_after = None if row[-2] is None else self.engine.read_moment(row[-2])
                moments = Moments(run_after, submitted_at, started_at)
                jobs.append(job_from(row, worker_id, moments))
            else:
                spoil(self.engine, cursor, row[0], row[8])
        return jobs

    def jobs_of(self, cursor: CursorWrapper, worker_id: str, *kinds: Kind) -> list[Job]:
        """Return the jobs that a worker holds: of these kinds, or of any if none is named."""
        cursor.execute(self.engine.render(sql.JOBS_OF_WORKER), [worker_id])
        rows = cursor.fetchall()
        starts = self.engine.read_moments([row[-1] for row in rows])
        jobs = self.jobs_from(cursor, [row[:-1] for row in rows], worker_id, starts)
        return [job for job in jobs if not kinds or job.kind in kinds]


def _info(row: WorkerProcess) -> WorkerInfo:
    return WorkerInfo(
        worker_id=row.worker_id,
        host=row.host,
        pid=row.pid,
        process=row.process,
        queues=tuple(filter(None, row.queues.split(", "))),
        kinds=tuple(Kind(kind) for kind in row.kinds.split(", ") if kind),
        version=row.version,
    )
