"""Queues and workers as tables show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ..asking import MOST, MOST_RUNNING, Row
from ..results import TaskResult
from .pace import Pace
from .words import duration

SHOWN_OF_WORKER = 5


def queue_rows(
    queues: Sequence[Row], running: Collection[TaskResult], paces: Mapping[str, Pace]
) -> list[Row]:
    """Return queues with their figures in words."""
    is_capped = len(running) >= MOST_RUNNING
    return [_queue(row, paces[row["queue"]], is_capped=is_capped) for row in queues]


def worker_rows(workers: Sequence[Row], running: Collection[TaskResult]) -> list[Row]:
    """Return workers with what they run now."""
    return [_worker(row, running) for row in workers]


def depth(waiting: int) -> str:
    """Say how many jobs wait for a queue."""
    return f"{waiting:,}{_or_more(waiting >= MOST)}"


def _queue(row: Row, pace: Pace, *, is_capped: bool) -> Row:
    return {
        **row,
        **pace.words(row["waiting"]),
        "depth": depth(row["waiting"]),
        "oldest": duration(timedelta(seconds=row["waited"])) if row["waited"] else None,
        "runs": f"{row['running']:,}{_or_more(is_capped)}",
    }


def _worker(row: Row, running: Collection[TaskResult]) -> Row:
    jobs = [result for result in running if result.worker == row["worker"]]
    return {
        **row,
        "state": _state(row),
        "silence": duration(timedelta(seconds=max(0.0, row["silent"]))),
        "jobs": [_job(result) for result in jobs[:SHOWN_OF_WORKER]],
        "more": max(0, len(jobs) - SHOWN_OF_WORKER),
    }


def _state(row: Row) -> str:
    if not row["alive"]:
        return "silent"
    if row["draining"]:
        return "draining"
    return "late" if row["late"] else "alive"


def _job(result: TaskResult) -> Row:
    since = result.started_at
    ran = duration(max(timedelta(0), datetime.now(UTC) - since)) if since else ""
    return {"task_id": result.task_id, "task_name": result.task_name, "ran": ran}


def _or_more(is_capped: bool) -> str:
    return " or more" if is_capped else ""
