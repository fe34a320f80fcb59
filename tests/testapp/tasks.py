"""Tasks that the tests enqueue."""

import asyncio
import time

from flowrra_django import flowrra_task
from tests.testapp import django_tasks  # noqa: F401  (registered with these)


@flowrra_task
async def add(a, b):
    return a + b


@flowrra_task
def double(value):
    return value * 2


@flowrra_task(cpu_bound=True)
def square(value):
    return value * value


@flowrra_task(max_retries=0)
def fail(message):
    raise ValueError(message)


@flowrra_task(max_retries=2, retry_delay=0.01)
async def fail_again(message):
    raise ValueError(message)


@flowrra_task
async def nap(seconds):
    await asyncio.sleep(seconds)


@flowrra_task
def doze(seconds):
    time.sleep(seconds)


@flowrra_task(cpu_bound=True)
def grind(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@flowrra_task
async def noop():
    pass


@flowrra_task
def noop_thread():
    pass


@flowrra_task(cpu_bound=True)
def noop_cpu():
    pass
