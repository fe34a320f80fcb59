"""What running jobs tell of themselves, and what they are to be told."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence

import redis

from ...reports import Report, log_with
from ..answers import Orders, Unwanted
from ..batches import batches
from .rows import report_row
from .server import is_full
from .workers import RedisWorkers

logger = logging.getLogger(__name__)


class RedisReporting(RedisWorkers):
    """The part of the ledger that keeps progress and logs, and knows what is to be cancelled."""

    _is_full = False

    def report(self, worker_id: str, reports: Sequence[Report]) -> None:
        """Keep it, or leave it out where Redis is full: outcomes wait for this, and find room."""
        try:
            self._report(worker_id, reports)
        except redis.ResponseError as error:
            if not is_full(error):
                raise
            level, self._is_full = logging.DEBUG if self._is_full else logging.WARNING, True
            logger.log(
                level,
                "Redis is full: what jobs tell of themselves is not kept until it has room again. "
                "Raise its maxmemory, or prune old results.",
            )
        else:
            self._is_full = False

    def _report(self, worker_id: str, reports: Sequence[Report]) -> None:
        for part in batches(reports):
            logs = self._logs([report for report in part if report.lines])
            rows = (report_row(report, logs.get(report.job.task_id, "")) for report in part)
            self.server.run("report", worker_id, *(value for row in rows for value in row))

    def orders(self, worker_id: str) -> Orders:
        is_to_end, *found = self.server.run("orders", worker_id)
        unwanted = [Unwanted(task_id, int(claim), by) for task_id, claim, by in batches(found, 3)]
        return Orders(bool(is_to_end), unwanted)

    def values(
        self, task_ids: Collection[str], names: Sequence[str]
    ) -> Iterator[tuple[str, list[str | None]]]:
        """Yield values of each job; of one that is not there, or is none, only Nones."""
        self.server.check()
        for ids in batches(task_ids):
            with self.server.client.pipeline(transaction=False) as pipeline:
                for task_id in ids:
                    pipeline.hmget(f"{self.server.base}job:{task_id}", names)
                rows = pipeline.execute(raise_on_error=False)
            for task_id, row in zip(ids, rows, strict=True):
                if isinstance(row, Exception) and not str(row).startswith("WRONGTYPE"):
                    raise row
                yield task_id, row if isinstance(row, list) else [None] * len(names)

    def _logs(self, reports: Sequence[Report]) -> dict[str, str]:
        """Return the logs of jobs with their new lines, which nobody else can add to."""
        lines = {report.job.task_id: report.lines for report in reports}
        logs = self.values(lines, ["log"])
        return {task_id: log_with(log, lines[task_id]) for task_id, (log,) in logs}
