"""Rows as the engine would have written them, and what the pages make of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from itertools import count
from typing import Any

from django.db import connections
from django.utils import timezone

from flowrra_django.models import TaskRecord, WorkerProcess

LIST = "/admin/flowrra_django/taskrecord/"
WORKERS = "/admin/flowrra_django/workerprocess/"

numbers = count(1)

Statement = tuple[str, Any]


def make_record(*, using: str = "default", **given: Any) -> TaskRecord:
    """Write a job; it has succeeded, unless told otherwise."""
    now = timezone.now()
    fields = {
        "task_id": f"{next(numbers):032x}",
        "task_name": "shop.tasks.send",
        "kind": "thread",
        "status": "success",
        "submitted_at": now - timedelta(minutes=3),
        "started_at": now - timedelta(minutes=2),
        "finished_at": now - timedelta(minutes=1),
        "worker": "w1",
        "attempts": 1,
        "claim": 1,
    }
    return TaskRecord.objects.using(using).create(**{**fields, **given})


def make_pending(**given: Any) -> TaskRecord:
    blank = {"started_at": None, "finished_at": None, "worker": "", "attempts": 0, "claim": 0}
    return make_record(**{"status": "pending", **blank, **given})


def make_running(**given: Any) -> TaskRecord:
    return make_record(**{"status": "running", "finished_at": None, **given})


def make_worker(**given: Any) -> WorkerProcess:
    now = timezone.now()
    fields = {"worker_id": "w1", "host": "web1", "pid": 7, "started_at": now, "beat_at": now}
    return WorkerProcess.objects.create(**{**fields, **given})


def page_of(record: TaskRecord, view: str = "change") -> str:
    return f"{LIST}{record.pk}/{view}/"


def listed(response: Any) -> list[int]:
    """Return the keys of the rows on a page, in their order."""
    assert response.status_code == 200
    return [record.pk for record in response.context["cl"].result_list]


def text_of(response: Any) -> str:
    """Return what a page says, without its tags and with its white space made single."""
    assert response.status_code == 200
    body = re.sub(r"<(style|script)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


@contextmanager
def statements(alias: str = "default") -> Iterator[list[Statement]]:
    """Collect the statements that run, with their parameters."""
    seen: list[Statement] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(note):
        yield seen
