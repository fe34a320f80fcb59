"""What is looked at during a soak: the worker in /proc, its children, and the stores."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests.benchmarks.ground import Ground
from tests.benchmarks.worker import PAGE, Worker, resident

COUNT = "SELECT COUNT(*) FROM flowrra_django_taskrecord"
MEGABYTE = 2**20

# A growth, in the course of a run, that means nothing.
TOLERANCES = {
    "worker RSS MB": 1.0,
    "children RSS MB": 1.0,
    "threads": 1.0,
    "open files": 2.0,
}

Probes = dict[str, Callable[[], float]]


@contextmanager
def probes_of(store: str, ground: Ground, worker: Worker) -> Iterator[Probes]:
    """Give what to look at, by name."""
    with ExitStack() as stack:
        probes = processes(worker)
        if store == "sqlite":
            probes |= rows(stack.enter_context(closing(sqlite(ground.folder / "run"))))
        if "postgresql" in store:
            probes |= rows(stack.enter_context(closing(postgresql(ground.urls["postgres"]))))
        if "redis" in store:
            probes |= redis(stack, ground.urls["redis"])
        yield probes


def processes(worker: Worker) -> Probes:
    pid = worker.process.pid
    return {
        "worker RSS MB": lambda: resident(pid) * PAGE / MEGABYTE,
        "children RSS MB": lambda: sum(map(resident, worker.children)) * PAGE / MEGABYTE,
        "threads": lambda: len([*Path(f"/proc/{pid}/task").iterdir()]),
        "open files": lambda: len([*Path(f"/proc/{pid}/fd").iterdir()]),
    }


def sqlite(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "bench.sqlite3", isolation_level=None, timeout=20)


def postgresql(url: str):
    import psycopg  # noqa: PLC0415 - only where there is a server

    return psycopg.connect(url, autocommit=True)


def rows(base) -> Probes:
    return {"ledger rows": lambda: base.execute(COUNT).fetchone()[0]}


def redis(stack: ExitStack, url: str) -> Probes:
    import redis as driver  # noqa: PLC0415 - likewise

    client = stack.enter_context(closing(driver.Redis.from_url(url)))
    return {
        "Redis keys": client.dbsize,
        "Redis MB": lambda: client.info("memory")["used_memory"] / MEGABYTE,
    }
