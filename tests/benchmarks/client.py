"""One act of a contestant, in a process of its own: `python -m tests.benchmarks.client ACT …`.

The act's figures are printed as JSON. A contestant's module has `enqueue(job)`, sync or not, and
may have `prepare()`, `connect()`, `close()`, `aenqueue(job)`, `enqueue_many(job, count)`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from tests.benchmarks.work import BEGAN, LAST

PAUSES = 0.02, 0.12  # in seconds, from one job to the next
PATIENCE_SECONDS = 30.0
ENOUGH_SECONDS, ENOUGH = 15.0, 10  # some take a second for each job
MANY = 10_000

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # nothing else runs on the loop here

Enqueue = Callable[[str], Any]
EnqueueMany = Callable[[str, int], Any]


async def one_by_one(enqueue: Enqueue, job: str, count: int) -> dict[str, float]:
    is_async = inspect.iscoroutinefunction(enqueue)
    start = time.perf_counter()
    for _ in range(count):
        made = enqueue(job)
        if is_async:
            await made
    return {"rate": count / (time.perf_counter() - start)}


async def pick_up(
    enqueue: Enqueue, count: int, is_over: Callable[[], bool] = lambda: False
) -> dict[str, list[float]]:
    """Return how many milliseconds after the call of `enqueue` jobs began, one at a time.

    Some begin before that call returns. The first one is not counted: with it this process imports
    and connects what it does once. None is enqueued any more once it `is_over`.
    """

    is_async = inspect.iscoroutinefunction(enqueue)
    delays: list[float] = []
    start = time.monotonic()
    for number in range(count + 1):
        if is_over() or (number >= ENOUGH and time.monotonic() - start > ENOUGH_SECONDS):
            break
        await asyncio.sleep(random.uniform(*PAUSES))
        enqueued, give_up = time.time(), time.monotonic() + PATIENCE_SECONDS
        made = enqueue("tell")
        if is_async:
            await made
        while not BEGAN.exists() or len(began := BEGAN.read_text().splitlines()) <= number:
            if time.monotonic() > give_up:
                raise SystemExit("a job to pick up never began")
            await asyncio.sleep(0.002)
        delays.append((float(began[number]) - enqueued) * 1e3)
    return {"delays": delays[1:]}


async def many(enqueue_many: EnqueueMany, job: str, count: int) -> dict[str, float]:
    start = time.perf_counter()
    for begun in range(0, count, MANY):
        made = enqueue_many(job, min(MANY, count - begun))
        if inspect.isawaitable(made):
            await made
    return {"rate": count / (time.perf_counter() - start)}


async def nothing() -> None:
    """Be ready."""


async def connected(module: Any, act: Callable[[], Awaitable[Any]]) -> Any:
    await getattr(module, "connect", nothing)()
    try:
        return await act()
    finally:
        await getattr(module, "close", nothing)()


def main(act: str, path: str, job: str, count: int) -> Any:
    module = import_module(path)
    match act:
        case "prepare" | "kept":
            return getattr(module, act, lambda: None)()
        case "finish":
            return module.finish(count)
        case "enqueue_many":
            return asyncio.run(connected(module, lambda: many(module.enqueue_many, job, count)))
        case "pick_up":
            return asyncio.run(connected(module, lambda: pick_up(module.enqueue, count)))
        case "pick_up_urgent":  # while others wait
            return asyncio.run(pick_up(module.enqueue_urgent, count, LAST.exists))
    return asyncio.run(connected(module, lambda: one_by_one(getattr(module, act), job, count)))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4], int(sys.argv[4]))))
