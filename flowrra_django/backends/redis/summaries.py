"""What people look at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ...results import TaskResult, TaskStatus, count_retries
from .reporting import RedisReporting
from .rows import moment

NAMES = (
    "status", "name", "queue", "priority", "attempts", "failures", "crashes", "worker",
    "error_type", "submitted", "run_after", "started", "finished",
)  # fmt: skip


class RedisSummaries(RedisReporting):
    """The part of the ledger that people look at."""

    def summaries(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        rows = self.values(task_ids, NAMES)
        found = ((task_id, _summary(task_id, row)) for task_id, row in rows)
        return {task_id: summary for task_id, summary in found if summary is not None}

    def running(self, limit: int) -> list[str]:
        return list(self.server.run("running", limit))

    def latest(self, limit: int) -> list[str]:
        return list(self.server.run("latest", limit))


def _summary(task_id: str, row: Sequence[str | None]) -> TaskResult | None:
    """Return the job that the values of NAMES make; None if they make none."""
    values: dict[str, Any] = dict(zip(NAMES, row, strict=True))
    try:
        status = TaskStatus(values["status"])
        failures, crashes = int(values["failures"]), int(values["crashes"])
        return TaskResult(
            task_id,
            status,
            values["name"],
            submitted_at=moment(values["submitted"]),
            run_after=moment(values["run_after"]),
            started_at=moment(values["started"]),
            finished_at=moment(values["finished"]),
            queue=values["queue"],
            priority=int(values["priority"]),
            attempts=int(values["attempts"]),
            failures=failures,
            crashes=crashes,
            retries=count_retries(status, failures, crashes),
            worker=values["worker"],
            error_type=values["error_type"],
        )
    except (ValueError, TypeError, OverflowError):
        return None
