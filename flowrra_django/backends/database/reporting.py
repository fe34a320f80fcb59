"""What running jobs tell of themselves, and what they are to be told."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from ...reports import Report, log_with, progress_text
from ..answers import Orders, Unwanted
from . import sql
from .engine import placeholders
from .settling import holding, settling
from .workers import DatabaseWorkers


class DatabaseReporting(DatabaseWorkers):
    """The part of the ledger that keeps progress and logs, and knows what is to be cancelled."""

    def report(self, worker_id: str, reports: Sequence[Report]) -> None:
        if not reports:
            return
        with settling(self.engine) as cursor:
            logs = self._logs(cursor, [report for report in reports if report.lines])
            rows = [
                (progress_text(r.progress), logs.get(r.job.sequence), *holding(worker_id, r.job))
                for r in sorted(reports, key=lambda report: report.job.sequence)
            ]
            self.engine.write(cursor, sql.REPORT, rows)

    def orders(self, worker_id: str) -> Orders:
        with self.engine.reading() as cursor:
            cursor.execute(self.engine.render(sql.ORDERS), [worker_id, worker_id])
            rows = cursor.fetchall()
        unwanted = [Unwanted(task_id, claim, by or "") for task_id, claim, by in rows if task_id]
        return Orders(len(unwanted) < len(rows), unwanted)

    def _logs(self, cursor: CursorWrapper, reports: Sequence[Report]) -> dict[int, str]:
        """Return the logs of jobs with their new lines, which nobody else can add to."""
        if not reports:
            return {}
        lines = {report.job.sequence: report.lines for report in reports}
        cursor.execute(self.engine.render(sql.LOGS, ids=placeholders(lines)), [*lines])
        return {number: log_with(log, lines[number]) for number, log in cursor.fetchall()}
