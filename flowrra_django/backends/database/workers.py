"""Who works: heartbeats, and the rescue of what a silent worker held."""

from __future__ import annotations

from datetime import datetime

from django.db.backends.utils import CursorWrapper

from ...job import Job, Kind
from ...models import WorkerProcess
from ...retry import after_crash, lost_worker
from ..base import BaseBackend, Beat, Entry, WorkerInfo
from . import sql
from .engine import engine_of, in_utc
from .settling import write_settlements


class DatabaseWorkers(BaseBackend):
    """The part of the ledger that keeps the table of `WorkerProcess`."""

    def __init__(self, alias: str) -> None:
        self.engine = engine_of(alias)
        self.alias = alias

    def enlist(self, worker: WorkerInfo) -> None:
        now = self.engine.moment()
        queues, kinds = ", ".join(worker.queues), ", ".join(worker.kinds)
        described = (worker.worker_id, worker.host, worker.pid, worker.process, queues, kinds)
        with self.engine.writing() as cursor:
            cursor.execute(sql.DISMISS, [worker.worker_id])  # if it was, and its reply got lost
            cursor.execute(sql.ENLIST, [*described, worker.version, now, now])

    def beat(self, worker_id: str) -> bool:
        renew = f"UPDATE {sql.WORKERS} SET beat_at = %s WHERE worker_id = %s"
        with self.engine.writing() as cursor:
            cursor.execute(renew, [self.engine.moment(), worker_id])
            return bool(cursor.rowcount)

    def dismiss(self, worker_id: str) -> None:
        with self.engine.writing() as cursor:
            cursor.execute(sql.DISMISS, [worker_id])

    def beats(self) -> list[Beat]:
        now = self.engine.read_moment(self.engine.moment())
        rows = WorkerProcess.objects.using(self.alias).all()
        beats = [(_info(row), in_utc(row.beat_at)) for row in rows]
        return [Beat(worker, at, (now - at).total_seconds()) for worker, at in beats]

    def rescue(self, worker_id: str, beat_at: datetime | None) -> list[Entry]:
        with self.engine.writing() as cursor:
            if not self._is_gone(cursor, worker_id, beat_at):
                return []
            error = lost_worker(worker_id)
            jobs = self.jobs_of(cursor, worker_id)
            lost = [after_crash(job, error, worker=worker_id) for job in jobs]
            return write_settlements(self.engine, cursor, worker_id, lost).waiting

    def strays(self) -> set[str]:
        with self.engine.reading() as cursor:
            cursor.execute(sql.STRAYS)
            return {row[0] for row in cursor.fetchall()}

    def _is_gone(self, cursor: CursorWrapper, worker_id: str, beat_at: datetime | None) -> bool:
        """Dismiss the worker if it has not beaten since; say whether it is gone."""
        if beat_at is not None:
            silent = f"{sql.DISMISS} AND beat_at = %s"
            cursor.execute(silent, [worker_id, self.engine.parameter(beat_at)])
            return bool(cursor.rowcount)
        cursor.execute(f"SELECT 1 FROM {sql.WORKERS} WHERE worker_id = %s", [worker_id])
        return cursor.fetchone() is None

    def jobs_of(self, cursor: CursorWrapper, worker_id: str, *kinds: Kind) -> list[Job]:
        """Return the jobs that a worker holds: of these kinds, or of any if none is named."""
        cursor.execute(
            f"SELECT {sql.JOB_COLUMNS}, started_at FROM {sql.BY_WORKER} "
            "WHERE worker = %s AND status = 'running'",
            [worker_id],
        )
        jobs = [
            sql.job_from(row, self.engine.read_moment(started_at))
            for *row, started_at in cursor.fetchall()
        ]
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
