"""What this machine allows: the same work in a bare loop, with nothing kept or promised."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

from tests.benchmarks.contestants import NAP_SLOTS, OURS
from tests.benchmarks.ground import Ground, clear_postgres, clear_redis
from tests.benchmarks.measuring import Figure, Size
from tests.benchmarks.work import NAP_SECONDS

LIMIT = "the bare loop"
BATCH, MANY = 100, 10_000
Rates = Iterator[tuple[str, float]]

DJANGO = """
import os, time
import django
from django.db import connection

django.setup()
connection.ensure_connection()
if "redis" in os.environ["BENCH_STORE"]:
    import redis

    redis.Redis.from_url(os.environ["BENCH_REDIS"]).ping()
pages = int(open("/proc/self/statm").read().split()[1])
print(time.time(), pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
"""
TABLE = "CREATE TABLE job (id {key}, state TEXT, worker TEXT, body TEXT, result TEXT)"
INDEX = "CREATE INDEX waiting ON job (id) WHERE state = 'pending'"
CLAIM = """
UPDATE job SET state = 'running', worker = 'w' WHERE id IN (
    SELECT id FROM job WHERE state = 'pending' ORDER BY id LIMIT 100 {skip}
) RETURNING id
"""


def limits(store: str, ground: Ground, size: Size) -> Iterator[Figure]:
    """Measure the bare loops of a store, and of the loop, the threads and a child beside it."""
    bare = {"memory": memory, "sqlite": sqlite, "redis": redis}.get(store, postgresql)
    count = int(20_000 * size.seconds) + BATCH
    for measure, value in (*bare(ground, count), *machine(size)):
        yield Figure(LIMIT, store, measure, value)
    if store != "memory":
        started, megabytes = process(store, ground)
        yield Figure(LIMIT, store, "start", started, "s")
        yield Figure(LIMIT, store, "idle RSS", megabytes, "MB")


def process(store: str, ground: Ground) -> tuple[float, float]:
    """Return how long Django alone takes to be there, connected, and how large it is then."""
    (ours,) = (each for each in OURS if each.store == store)
    site = replace(ours, environment={"BENCH_APPS": "django.contrib.contenttypes"})
    begun = time.time()
    done = subprocess.run(
        [sys.executable, "-c", DJANGO], env=ground.environment(site), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    moment, megabytes = map(float, done.stdout.split())
    return moment - begun, megabytes


def rate(act: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    act()
    return count / (time.perf_counter() - start)


def memory(ground: Ground, count: int) -> Rates:
    async def noop() -> None:
        """Do nothing."""

    async def tasks() -> None:
        for _ in range(0, count, BATCH):
            await asyncio.gather(*(asyncio.create_task(noop()) for _ in range(BATCH)))

    yield "drain noop", rate(lambda: asyncio.run(tasks()), count)


def machine(size: Size) -> Rates:
    """Bare asyncio, threads and one child: what no store has a part in."""

    async def naps() -> None:
        slots = asyncio.Semaphore(NAP_SLOTS)

        async def nap() -> None:
            async with slots:
                await asyncio.sleep(NAP_SECONDS)

        await asyncio.gather(*(nap() for _ in range(size.naps)))

    yield "fan-out", rate(lambda: asyncio.run(naps()), size.naps)
    count = int(5_000 * size.seconds) + BATCH
    with ThreadPoolExecutor(8) as pool:
        yield "drain plain", rate(lambda: list(pool.map(abs, range(count))), count)
    with ProcessPoolExecutor(1) as children:
        children.submit(abs, 1).result()
        yield "drain cpu", rate(lambda: list(children.map(abs, range(count))), count)


def sqlite(ground: Ground, count: int) -> Rates:
    path = ground.folder / "bare.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")
        base.execute(TABLE.format(key="INTEGER PRIMARY KEY"))
        base.execute(INDEX)
        insert = "INSERT INTO job (state, body) VALUES ('pending', '[]')"
        few = count // 10
        one = rate(lambda: [base.execute(insert) for _ in range(few)], few)
        yield from (("enqueue", one), ("aenqueue", one))

        def many() -> None:
            base.execute("BEGIN IMMEDIATE")
            base.executemany(insert, [()] * count)
            base.execute("COMMIT")

        yield "enqueue_many", rate(many, count)

        def drain() -> None:
            finish = "UPDATE job SET state = 'success', result = '1' WHERE id = ?"
            while claimed := base.execute(CLAIM.format(skip="")).fetchall():
                base.execute("BEGIN IMMEDIATE")
                base.executemany(finish, claimed)
                base.execute("COMMIT")

        yield "drain noop", rate(drain, count + few)
    path.unlink()


def postgresql(ground: Ground, count: int) -> Rates:
    import psycopg  # noqa: PLC0415 - only where there is a server

    clear_postgres(ground.urls["postgres"])
    with closing(psycopg.connect(ground.urls["postgres"], autocommit=True)) as base:
        base.execute(TABLE.format(key="bigserial PRIMARY KEY"))
        base.execute(INDEX)
        insert = "INSERT INTO job (state, body) SELECT 'pending', '[]' FROM generate_series(1, %s)"
        few = count // 20
        one = rate(lambda: [base.execute(insert, [1]) for _ in range(few)], few)
        yield from (("enqueue", one), ("aenqueue", one))
        yield "enqueue_many", rate(lambda: base.execute(insert, [count]), count)

        def drain() -> None:
            finish = "UPDATE job SET state = 'success', result = '1' WHERE id = ANY(%s)"
            claim = CLAIM.format(skip="FOR UPDATE SKIP LOCKED")
            while claimed := base.execute(claim).fetchall():
                base.execute(finish, [[row[0] for row in claimed]])

        yield "drain noop", rate(drain, count + few)


def redis(ground: Ground, count: int) -> Rates:
    import redis as driver  # noqa: PLC0415 - only where there is a server

    clear_redis(ground.urls["redis"])
    with closing(driver.Redis.from_url(ground.urls["redis"])) as client:
        value: Any = "x" * 100
        few = count // 10
        one = rate(lambda: [client.lpush("jobs", value) for _ in range(few)], few)
        yield from (("enqueue", one), ("aenqueue", one))

        def many() -> None:
            for _ in range(0, count, BATCH):
                client.lpush("jobs", *[value] * BATCH)

        yield "enqueue_many", rate(many, count)

        def drain() -> None:
            while jobs := client.rpop("jobs", BATCH):
                client.lpush("done", *jobs)

        yield "drain noop", rate(drain, count + few)
