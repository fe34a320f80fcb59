"""A ledger as a busy site has it after a week: fills a database with so many records, in bulk."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from flowrra_django.backends.database import sql
from flowrra_django.models import TaskRecord, WorkerProcess

QUEUES = {"default": 50, "mail": 25, "reports": 15, "imports": 8, "slow": 2}
APPS = ("imports", "mail", "media", "orders", "reports")
VERBS = ("clean_up", "create", "notify", "render", "send", "sync")
TASKS = [f"shop.{app}.{verb}" for app in APPS for verb in VERBS]
RETIRED = "shop.retired"
WORKERS = [f"{number:032x}" for number in range(1, 9)]

BATCH = 10_000
RUNNING = 300
BIG = 50
MEGABYTE = 2**20
WEEK = timedelta(days=7)

COLUMNS = (
    "task_id, task_name, queue, kind, priority, status, error_type, submitted_at, started_at, "
    "finished_at, worker, claim, attempts, failures, crashes, max_crashes, cancel_requested, "
    "indexed, meta, args, kwargs, result, error, traceback, history"
)
INSERT = f"INSERT INTO {sql.TABLE} ({COLUMNS}) VALUES ({', '.join(['%s'] * 25)})"

TRACEBACK = 'Traceback (most recent call last):\n  File "tasks.py", line 7, in send\n' * 15
ATTEMPT = (
    '[{"attempt":1,"worker":"w","started_at":"2026-01-05T10:00:00+00:00","finished_at":'
    '"2026-01-05T10:00:01+00:00","error":"no route to host","error_type":"builtins.OSError",'
    '"traceback":"Traceback"}]'
)


def fill(count: int) -> None:
    """Write `count` records: a tenth waits, half a percent failed, the newest hold megabytes."""
    now = timezone.now()
    rows = _rows(count, now, random.Random(1))
    with transaction.atomic(), connection.cursor() as cursor:
        while batch := list(islice(rows, BATCH)):
            cursor.executemany(INSERT, batch)
    for number, worker_id in enumerate(WORKERS):
        WorkerProcess.objects.create(
            worker_id=worker_id, host="web1", pid=100 + number, queues=", ".join(QUEUES),
            kinds="io, thread, cpu", version="0.1.0", started_at=now, beat_at=now,
        )  # fmt: skip
    assert TaskRecord.objects.count() == count


def _rows(count: int, now: datetime, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    waiting_from, running_from = count - count // 10, count - count // 10 - RUNNING
    queue_of = {task: chance.choices([*QUEUES], [*QUEUES.values()])[0] for task in TASKS}
    weights = [1 / (rank + 1) ** 0.7 for rank in range(len(TASKS))]
    for number, task in enumerate(chance.choices(TASKS, weights, k=count)):
        queue = queue_of[task] if chance.random() < 0.98 else "default"
        name = RETIRED if number < count // 1000 else task
        moment = now - WEEK * (1 - number / count)
        if number >= waiting_from:
            status = "retrying" if chance.random() < 0.01 else "pending"
        elif number >= running_from:
            status = "running"
        else:
            status = chance.choices(["success", "failed", "cancelled"], [992, 5, 3])[0]
        is_big = count - BIG <= number
        yield _row(number, name, queue, status, moment, is_big)


def _row(
    number: int, name: str, queue: str, status: str, moment: datetime, is_big: bool
) -> tuple[Any, ...]:
    at = moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    is_over = status in {"success", "failed", "cancelled"}
    is_failed, is_started = status in {"failed", "retrying"}, status != "pending"
    args = f'["{"x" * MEGABYTE}"]' if is_big else '[{"!":"model","v":["shop.order",7,"default"]}]'
    return (
        f"{number:032x}", name, queue, "thread", 0, status, "builtins.OSError" * is_failed, at,
        at if is_started else None, at if is_over else None,
        WORKERS[number % len(WORKERS)] if is_started else "", 1, 1, int(is_failed), 0, 3, False,
        False, "{}", args, '{"to":"somebody@example.org","subject":"Your order"}',
        "null" if status == "success" else None, "no route to host" * is_failed,
        TRACEBACK * is_failed, ATTEMPT if is_failed else "[]",
    )  # fmt: skip
