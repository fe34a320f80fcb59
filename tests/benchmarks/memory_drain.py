"""Drain no-op coroutines from memory, beside flowrra 0.1.8 on the same work in the same run.

    python -m tests.benchmarks.memory_drain [JOBS] [ROUNDS]

Needs `pip install flowrra==0.1.8` in the same environment; without it, only ours is measured.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from statistics import median
from typing import Any

from flowrra_django import Config, ExecutorConfig, IOExecutor

SLOTS = 100

Create = Callable[[int], Any]


def ours(jobs: int) -> Any:
    return IOExecutor(Config(executor=ExecutorConfig(io_workers=SLOTS, max_queue_size=jobs + 1)))


def seed(jobs: int) -> Any:
    import flowrra  # noqa: PLC0415 - only there when it is installed

    settings = flowrra.ExecutorConfig(io_workers=SLOTS, max_queue_size=jobs + 1)
    return flowrra.IOExecutor(flowrra.Config(executor=settings))


async def drain(create: Create, jobs: int) -> float:
    """Return how many jobs a second are drained, from the first one let go to the last one done."""
    executor = create(jobs)
    done = 0
    is_over, gate = asyncio.Event(), asyncio.Event()

    async def block() -> None:
        await gate.wait()

    async def noop() -> None:
        nonlocal done
        done += 1
        if done == jobs:
            is_over.set()

    block_task, noop_task = executor.task()(block), executor.task()(noop)
    await executor.start()
    for _ in range(SLOTS):
        await executor.submit(block_task)
    await asyncio.sleep(0.1)
    for _ in range(jobs):
        await executor.submit(noop_task)
    start = time.perf_counter()
    gate.set()
    await is_over.wait()
    rate = jobs / (time.perf_counter() - start)
    await executor.stop()
    return rate


def run(awaitable: Awaitable[float]) -> float:
    async def main() -> float:
        return await awaitable

    return asyncio.run(main())


def main(jobs: int = 20_000, rounds: int = 3) -> None:
    contestants: dict[str, Create] = {"flowrra_django": ours}
    if find_spec("flowrra"):
        contestants["flowrra 0.1.8"] = seed
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, create in contestants.items():
            rates[name].append(run(drain(create, jobs)))
    for name, measured in rates.items():
        print(f"{name:<16} {median(measured):>10,.0f} jobs/s  (median of {rounds})")
    if len(rates) > 1:
        ratio = median(rates["flowrra_django"]) / median(rates["flowrra 0.1.8"])
        print(f"{'ratio':<16} {ratio:>10.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
