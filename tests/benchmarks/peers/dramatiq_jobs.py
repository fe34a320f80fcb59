"""Dramatiq: results kept in Redis."""

import asyncio
import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware.asyncio import AsyncIO
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from tests.benchmarks import work

URL = os.environ["BENCH_REDIS"]
broker = RedisBroker(url=URL)
broker.add_middleware(Results(backend=RedisBackend(url=URL)))
broker.add_middleware(AsyncIO())
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def noop():
    work.count()


@dramatiq.actor(store_results=True)
def tell():
    work.tell()


@dramatiq.actor(store_results=True)
async def nap():
    work.begin()
    await asyncio.sleep(work.NAP_SECONDS)
    work.end()


def enqueue(job: str) -> None:
    globals()[job].send()
