"""Opens the admin's pages, runs its commands, and times what the database does for each."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.backends.sqlite3 import base
from django.http import HttpResponse
from django.test import Client
from django.test.utils import setup_test_environment

from flowrra_django import runtime
from flowrra_django.job import Kind
from flowrra_django.registry import Task
from tests.benchmarks.addresses import LIST, pages, pages_of_many_queues
from tests.benchmarks.filling import (
    RARE,
    TASKS,
    TENANTS,
    fill,
    fill_around,
    wait_on,
)

ROOT = {"username": "root", "is_staff": True, "is_superuser": True}


@dataclass
class Meter:
    """Counts statements, and the seconds in the database.

    They are seconds of the processor, whoever else is at work on the machine: of this thread,
    which is where SQLite works, or of the server's process for this connection.
    """

    seconds: float = 0.0
    statements: int = 0
    clock: Callable[[], float] = time.perf_counter

    def execute(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self.statements += 1
        return self.timed(execute, sql, params, many, context)

    def timed(self, func: Callable[..., Any], *args: Any) -> Any:
        start = self.clock()
        try:
            return func(*args)
        finally:
            self.seconds += self.clock() - start


@dataclass(frozen=True)
class Visit:
    """What one page took, each time that it was opened."""

    kind: str
    url: str
    database_ms: list[float]
    whole_ms: list[float]
    statements: int

    @property
    def usual_ms(self) -> float:
        return median(self.database_ms)


def prepare(records: int, filled: Path) -> None:
    """Make the tables and fill them, unless `filled` says that an earlier run has."""
    setup_test_environment()
    if filled.exists():
        return
    if connection.vendor == "sqlite":
        call_command("migrate", verbosity=0)
    else:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    fill(records)
    fill_around()
    filled.touch()


def clear() -> None:
    """Leave nothing on a server."""
    if connection.vendor != "sqlite":
        name = connection.settings_dict["NAME"]
        connection.creation.destroy_test_db(name, verbosity=0)


def visit_all(times: int, only: str, every: int) -> Iterator[Visit]:
    """Open so many times pages whose kind begins so: the first of each kind, and every so many.

    First with all that waits on one queue, then with as much spread over many.
    """
    register_tasks()
    client = Client()
    client.force_login(get_user_model().objects.get_or_create(**ROOT)[0])
    visit(client.get, "", LIST, 1)  # the first page of a process compiles the templates
    gc.freeze()  # what is there for good is not gone through while rows are fetched
    for queues, found in ((["default"], pages), (TENANTS, pages_of_many_queues)):
        wait_on(queues)
        settle_down()
        seen: Counter[str] = Counter()
        for kind, url in found():
            if kind.startswith(only) and seen[kind] % every == 0:
                open_it = client.get if url.startswith("/") else run
                yield visit(open_it, kind, url, times)
            seen[kind] += 1


def register_tasks() -> None:
    """Have the site know the tasks whose jobs there are."""

    def work() -> None:
        """Do nothing."""

    for name in (*TASKS, *RARE):
        runtime.registry.add(Task(name=name, func=work, kind=Kind.THREAD))


def settle_down() -> None:
    """Do what a server does by itself, in a while."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def run(command: str) -> HttpResponse:
    """Run a command as if it were a page; what it has to say is as good as any."""
    with suppress(CommandError):
        call_command(*command.split(), stdout=StringIO())
    return HttpResponse()


def visit(open_it: Callable[[str], Any], kind: str, url: str, times: int) -> Visit:
    database_ms, whole_ms = [], []
    for _ in range(times):
        with metered() as meter:
            start = time.perf_counter()
            response = open_it(url)
            whole_ms.append((time.perf_counter() - start) * 1e3)
        assert response.status_code == 200, f"{url}: {response.status_code}"
        database_ms.append(meter.seconds * 1e3)
    return Visit(kind, url, database_ms, whole_ms, meter.statements)


def clock() -> Callable[[], float]:
    """Return what tells the processor time that the database takes; else, time as it passes."""
    if connection.vendor == "sqlite":
        return time.thread_time
    if connection.vendor != "postgresql":
        return time.perf_counter
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        times = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    if not times.exists():  # it is on another machine
        return time.perf_counter
    return lambda: int(times.read_text().split()[0]) / 1e9


@contextmanager
def metered() -> Iterator[Meter]:
    """Time statements, and the fetching of their rows, in which SQLite does most of its work."""
    meter = Meter(clock=clock())

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
