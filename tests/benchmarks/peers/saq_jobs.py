"""SAQ, on Redis or PostgreSQL: results kept."""

import asyncio
import os

from saq import Queue

from tests.benchmarks import work

IS_SQL = os.environ["BENCH_STORE"] == "postgresql"
queue = Queue.from_url(os.environ["BENCH_POSTGRES" if IS_SQL else "BENCH_REDIS"])


async def noop(ctx):
    work.count()


async def tell(ctx):
    work.tell()


async def nap(ctx):
    work.begin()
    await asyncio.sleep(work.NAP_SECONDS)
    work.end()


settings = {
    "queue": queue,
    "functions": [noop, tell, nap],
    "concurrency": int(os.environ.get("BENCH_SLOTS", "100")),
}


async def connect() -> None:
    await queue.connect()


async def enqueue(job: str) -> None:
    await queue.enqueue(job, ttl=600)


async def close() -> None:
    await queue.disconnect()
