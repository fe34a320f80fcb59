"""Opens the admin's pages and times what the database does for each."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.backends.sqlite3 import base
from django.test import Client
from django.test.utils import setup_test_environment

from flowrra_django.models import TaskRecord
from flowrra_django.results import TaskStatus
from tests.benchmarks.filling import QUEUES, RETIRED, TASKS, WORKERS, fill

LIST = "/admin/flowrra_django/taskrecord/"
WORKER_LIST = "/admin/flowrra_django/workerprocess/"

STATUSES = [status.value for status in TaskStatus]
CHOICES = {"status": STATUSES, "queue": [*QUEUES], "task": [*TASKS, RETIRED]}
COMBINED = [
    ("status",), ("queue",), ("task",), ("status", "queue"), ("status", "task"), ("queue", "task"),
    ("status", "queue", "task"),
]  # fmt: skip
PREFIXES = {
    "none": ["nothing"],
    "one": ["shop.orders.cr", "shop.retired"],
    "a few": ["shop.orders.", "shop.imports."],
    "a dozen": ["shop.m"],
    "all": ["shop."],
}


@dataclass
class Meter:
    """Counts statements, and the seconds in the database."""

    seconds: float = 0.0
    statements: int = 0

    def execute(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self.statements += 1
        return self.timed(execute, sql, params, many, context)

    def timed(self, func: Callable[..., Any], *args: Any) -> Any:
        start = time.perf_counter()
        try:
            return func(*args)
        finally:
            self.seconds += time.perf_counter() - start


@dataclass(frozen=True)
class Visit:
    """What one page took."""

    kind: str
    url: str
    database_ms: float
    whole_ms: float
    statements: int


def prepare(records: int) -> None:
    """Make the tables and fill them."""
    setup_test_environment()
    call_command("migrate", verbosity=0)
    fill(records)


def visit_all(limit_ms: float) -> Iterator[Visit]:
    """Open every page once, one that takes longer than the limit twice more."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    visit(client, "", LIST)  # the first page of a process compiles the templates
    gc.freeze()  # what is there for good is not gone through while rows are fetched
    for kind, url in pages():
        visited = visit(client, kind, url)
        for _ in range(2):
            if visited.database_ms > limit_ms:
                again = visit(client, kind, url)
                visited = min(visited, again, key=lambda each: each.database_ms)
        yield visited


def visit(client: Client, kind: str, url: str) -> Visit:
    with metered() as meter:
        start = time.perf_counter()
        response = client.get(url)
        whole = time.perf_counter() - start
    assert response.status_code == 200, f"{url}: {response.status_code}"
    return Visit(kind, url, meter.seconds * 1e3, whole * 1e3, meter.statements)


@contextmanager
def metered() -> Iterator[Meter]:
    """Time statements, and the fetching of their rows, in which SQLite does most of its work."""
    meter = Meter()

    class Cursor(base.SQLiteCursorWrapper):
        def fetchone(self) -> Any:
            return meter.timed(super().fetchone)

        def fetchmany(self, *args: Any) -> Any:
            return meter.timed(super().fetchmany, *args)

        def fetchall(self) -> Any:
            return meter.timed(super().fetchall)

    with (
        patch.object(base, "SQLiteCursorWrapper", Cursor),
        connection.execute_wrapper(meter.execute),
    ):
        yield meter


def pages() -> Iterator[tuple[str, str]]:
    """Give the kind and the address of each page."""
    yield "list", LIST
    for number in (2, 10, 50, 100):
        yield "list, later pages", _list(p=number)
    yield from _filtered()
    yield from _searched()
    yield from _single()


def _filtered() -> Iterator[tuple[str, str]]:
    for names in COMBINED:
        for values in product(*(CHOICES[name] for name in names)):
            yield f"filter: {', '.join(names)}", _list(**dict(zip(names, values, strict=True)))
    for number in (2, 100):
        yield "filter: status, later pages", _list(status="success", p=number)
    for worker in WORKERS:
        yield "filter: worker", _list(worker=worker)
        yield "filter: worker, queue", _list(worker=worker, queue="default")


def _searched() -> Iterator[tuple[str, str]]:
    for found, texts in PREFIXES.items():
        for text in texts:
            kind = f"search: {found}"
            yield kind, _list(q=text)
            yield f"{kind}; task", _list(q=text, task=TASKS[0])
            for status in STATUSES:
                yield f"{kind}; status", _list(q=text, status=status)
            for queue in QUEUES:
                yield f"{kind}; queue", _list(q=text, queue=queue)
            for status, queue in product(STATUSES, QUEUES):
                yield f"{kind}; status, queue", _list(q=text, status=status, queue=queue)
    yield "search: all, last page", _list(q="shop.", p=100)
    yield "search: id", _list(q=f"{500:032x}")


def _single() -> Iterator[tuple[str, str]]:
    for status in STATUSES:
        for newest in TaskRecord.objects.filter(status=status).values_list("pk", flat=True)[:3]:
            yield "task result", f"{LIST}{newest}/change/"
            yield "task result: history", f"{LIST}{newest}/history/"
            if status != TaskStatus.RUNNING:
                yield "task result: delete", f"{LIST}{newest}/delete/"
    yield "workers", WORKER_LIST
    for worker in WORKERS:
        yield "worker", f"{WORKER_LIST}{worker}/change/"


def _list(**query: Any) -> str:
    return f"{LIST}?{urlencode(query)}"
