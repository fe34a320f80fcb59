"""pgqueuer, on PostgreSQL: a log of what was done is kept; it has no results."""

import asyncio
import os

import psycopg
from pgqueuer import PgQueuer, Queries
from pgqueuer.db import PsycopgDriver

from tests.benchmarks import work

URL = os.environ["BENCH_POSTGRES"]
_open = []


async def driver() -> PsycopgDriver:
    return PsycopgDriver(await psycopg.AsyncConnection.connect(URL, autocommit=True))


async def main() -> None:
    pgq = PgQueuer(await driver())

    @pgq.entrypoint("noop")
    async def noop(job):
        work.count()

    @pgq.entrypoint("tell")
    async def tell(job):
        work.tell()

    @pgq.entrypoint("nap")
    async def nap(job):
        work.begin()
        await asyncio.sleep(work.NAP_SECONDS)
        work.end()

    await pgq.run(batch_size=int(os.environ["BENCH_SLOTS"]))


async def _prepare() -> None:
    await Queries(await driver()).install()


def prepare() -> None:
    asyncio.run(_prepare())


async def connect() -> None:
    _open.append(Queries(await driver()))


async def enqueue(job: str) -> None:
    await _open[0].enqueue(job, None)


async def enqueue_many(job: str, count: int) -> None:
    await _open[0].enqueue([job] * count, [None] * count, [0] * count)


async def close() -> None:
    """Leave the connection to the end of the process."""


if __name__ == "__main__":
    asyncio.run(main())
