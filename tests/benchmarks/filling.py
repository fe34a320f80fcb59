"""A ledger as a busy site has it after a week: fills a database with so many records, in bulk."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from flowrra_django.backends.database import sql
from flowrra_django.models import WAITING_STATUSES, MinuteStat, TaskRecord, WorkerProcess
from flowrra_django.tally import ALL_QUEUES, KEPT_SECONDS

QUEUES = {"default": 50, "mail": 25, "reports": 15, "imports": 8, "slow": 2}
APPS = ("imports", "mail", "media", "orders", "reports")
VERBS = ("clean_up", "create", "notify", "render", "send", "sync")
TASKS = [f"shop.{app}.{verb}" for app in APPS for verb in VERBS]
RARE = [f"rare.task_{number:03}" for number in range(170)]
RETIRED = "shop.retired"
WORKERS = [f"{number:032x}" for number in range(1, 1001)]
BUSY = WORKERS[:8]  # have run whatever has ended
TENANTS = [f"tenant-{number:03}" for number in range(200)]

BATCH = 10_000
DRAWN_MINUTES = 24 * 60
RUNNING = 2_000
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
    _insert(_rows(count, timezone.now(), random.Random(1)))
    assert TaskRecord.objects.count() == count


def fill_around() -> None:
    """Write a thousand workers, and the figures of each minute of 205 queues."""
    now = timezone.now()
    WorkerProcess.objects.bulk_create(
        WorkerProcess(
            worker_id=worker_id, host="web1", pid=100 + number, queues=", ".join(QUEUES),
            kinds="io, thread, cpu", version="0.1.0", started_at=now, beat_at=now,
        )
        for number, worker_id in enumerate(WORKERS)
    )  # fmt: skip
    now = now.astimezone(UTC).replace(second=0, microsecond=0)
    for number in range(KEPT_SECONDS // 60):
        _add_minute(now - timedelta(minutes=number), TENANTS if number < DRAWN_MINUTES else [])


def wait_on(queues: Sequence[str]) -> None:
    """Have all that waits do so on these queues, as much on each, and every worker beat."""
    waiting = TaskRecord.objects.filter(status__in=WAITING_STATUSES)
    turns = [When(turn=number, then=Value(queue)) for number, queue in enumerate(queues)]
    waiting.annotate(turn=F("id") % len(queues)).update(queue=Case(*turns))
    WorkerProcess.objects.update(beat_at=timezone.now())


def fill_with_ended(count: int) -> None:
    """Write `count` records of jobs that have succeeded within a week."""
    now = timezone.now()
    _insert(
        _row(number, TASKS[number % len(TASKS)], "default", "success", now - WEEK, is_big=False)
        for number in range(count)
    )


def _insert(rows: Iterator[tuple[Any, ...]]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {sql.TABLE} ({COLUMNS}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        while batch := list(islice(rows, BATCH)):
            cursor.executemany(INSERT, batch)


def _add_minute(minute: datetime, tenants: Sequence[str]) -> None:
    """Write what a minute came to: on each queue, on all of them, and for some tenants."""
    many, few = ({str(bucket): 7 for bucket in range(length)} for length in (20, 3))
    MinuteStat.objects.bulk_create(
        MinuteStat(
            minute=minute, queue=queue, succeeded=sum(times.values()), failed=1, waited=times,
            ran=times,
        )
        for times, queues in ((many, [*QUEUES, ALL_QUEUES]), (few, tenants))
        for queue in queues
    )  # fmt: skip


def _rows(count: int, now: datetime, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    waiting_from, running_from = count - count // 10, count - count // 10 - RUNNING
    queue_of = {task: chance.choices([*QUEUES], [*QUEUES.values()])[0] for task in TASKS}
    weights = [1 / (rank + 1) ** 0.7 for rank in range(len(TASKS))]
    for number, task in enumerate(chance.choices(TASKS, weights, k=count)):
        queue = queue_of[task] if chance.random() < 0.98 else "default"
        name = RETIRED if number < count // 1000 else task
        if number % 50 == 0:
            name = RARE[number // 50 % len(RARE)]
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
    workers = WORKERS if status == "running" else BUSY
    is_over = status in {"success", "failed", "cancelled"}
    is_failed, is_started = status in {"failed", "retrying"}, status != "pending"
    args = f'["{"x" * MEGABYTE}"]' if is_big else '[{"!":"model","v":["shop.order",7,"default"]}]'
    return (
        f"{number:032x}", name, queue, "thread", 0, status, "builtins.OSError" * is_failed, at,
        at if is_started else None, at if is_over else None,
        workers[number % len(workers)] if is_started else "", 1, 1, int(is_failed), 0, 3, False,
        False, "{}", args, '{"to":"somebody@example.org","subject":"Your order"}',
        "null" if status == "success" else None, "no route to host" * is_failed,
        TRACEBACK * is_failed, ATTEMPT if is_failed else "[]",
    )  # fmt: skip
