"""Jobs of every kind, as a busy site has them, and how often each of them comes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from flowrra_django import current_job, flowrra_task

LONG_SECONDS = 60.0


@flowrra_task
async def fetch():
    await asyncio.sleep(0.01)
    return {"status": 200}


@flowrra_task
def write(number: int):
    return number * number


@flowrra_task(cpu_bound=True)
def compute():
    return sum(range(2_000))


@flowrra_task
def carry(text: str):
    return text[::-1]


@flowrra_task(max_retries=2, retry_delay=0.5)
def fail():
    raise ConnectionError("no route to host " * 5)


@flowrra_task(max_retries=0)
async def give_up():
    raise ValueError("never mind")


@flowrra_task(timeout=0.2, max_retries=0)
async def take_too_long():
    await asyncio.sleep(LONG_SECONDS)


@flowrra_task(cpu_bound=True, timeout=0.2, max_retries=0)
def hang():
    time.sleep(LONG_SECONDS)


@flowrra_task
async def linger():
    """Be cancelled, by who enqueued this."""
    await asyncio.sleep(LONG_SECONDS)


@flowrra_task
def report():
    for step in range(3):
        current_job().progress(step, 3, "under way")
    current_job().log("all done")


@flowrra_task(unique_by=("user",))
def remind(user: int):
    return user


@flowrra_task(queue="unserved", expires_in=1.0)
def come_too_late():
    """Expire, on a queue that no worker serves."""


# How many of each there are in a thousand, and their arguments.
MIX: dict[Any, tuple[int, Callable[[], tuple[Any, ...]]]] = {
    fetch: (400, tuple),
    write: (240, lambda: (random.randrange(10**6),)),
    report: (80, tuple),
    fail: (60, tuple),
    compute: (60, tuple),
    remind: (60, lambda: (random.randrange(20),)),
    carry: (30, lambda: ("x" * random.randrange(100_000),)),
    give_up: (30, tuple),
    come_too_late: (20, tuple),
    take_too_long: (14, tuple),
    linger: (5, tuple),
    hang: (1, tuple),
}
