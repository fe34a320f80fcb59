"""The jobs, for flowrra_django."""

import asyncio
import time

from flowrra_django import flowrra_task
from tests.benchmarks import work


@flowrra_task
async def noop():
    work.count()


@flowrra_task
def plain():
    work.count()


@flowrra_task(cpu_bound=True)
def cpu():
    work.count()


@flowrra_task
async def nap():
    work.begin()
    await asyncio.sleep(work.NAP_SECONDS)
    work.end()


@flowrra_task
async def tell():
    work.tell()


@flowrra_task
def busy():
    """Compute for 2 ms of this thread's time."""
    end = time.thread_time() + 0.002
    while time.thread_time() < end:
        pass
