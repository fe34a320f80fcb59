"""Procrastinate, on PostgreSQL: jobs and their states are kept; it has no results."""

import asyncio
import os

import procrastinate

from tests.benchmarks import work

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["BENCH_POSTGRES"])
)


@app.task(name="noop")
async def noop():
    work.count()


@app.task(name="tell")
async def tell():
    work.tell()


@app.task(name="nap")
async def nap():
    work.begin()
    await asyncio.sleep(work.NAP_SECONDS)
    work.end()


async def _prepare() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


def prepare() -> None:
    asyncio.run(_prepare())


async def connect() -> None:
    await app.open_async()


async def enqueue(job: str) -> None:
    await globals()[job].defer_async()


async def enqueue_many(job: str, count: int) -> None:
    await globals()[job].batch_defer_async(*[{}] * count)


async def close() -> None:
    await app.close_async()
