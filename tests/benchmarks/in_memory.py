"""Executors without a store: `python -m tests.benchmarks.in_memory MODULE COUNT NAPS PICK_UPS`.

MODULE is `flowrra_django` or `flowrra`, the seed of it, whose names are the same. The figures are
printed as JSON: a list of measure, value and unit.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from statistics import median
from typing import Any

from tests.benchmarks.contestants import DRAIN_SLOTS, NAP_SLOTS
from tests.benchmarks.work import NAP_SECONDS

Measured = tuple[str, float, str]
Job = Callable[[], Awaitable[None]]


class Bench:
    """An executor that holds its jobs back until its gate opens."""

    def __init__(self, api: Any, slots: int, jobs: int) -> None:
        options = api.ExecutorConfig(io_workers=slots, max_queue_size=jobs + 1)
        self.executor = api.IOExecutor(api.Config(executor=options))
        self.slots, self.jobs = slots, jobs
        self.gate, self.over = asyncio.Event(), asyncio.Event()
        self.ended = 0

    def end(self) -> None:
        self.ended += 1
        if self.ended == self.jobs:
            self.over.set()

    async def rates(self, job: Job) -> tuple[float, float]:
        """Return how many jobs a second are submitted, and how many then drained."""

        async def block() -> None:
            await self.gate.wait()

        async def wrapped() -> None:
            await job()
            self.end()

        blocking, func = self.executor.task()(block), self.executor.task()(wrapped)
        await self.executor.start()
        for _ in range(self.slots):
            await self.executor.submit(blocking)
        await asyncio.sleep(0.1)
        start = time.perf_counter()
        for _ in range(self.jobs):
            await self.executor.submit(func)
        submitted = time.perf_counter()
        self.gate.set()
        await self.over.wait()
        drained = time.perf_counter()
        await self.executor.stop()
        return self.jobs / (submitted - start), self.jobs / (drained - submitted)


async def noop() -> None:
    """Do nothing."""


async def nap() -> None:
    await asyncio.sleep(NAP_SECONDS)


async def pick_up(api: Any, count: int) -> list[float]:
    """Return how many milliseconds after its submission each job began."""
    executor = api.IOExecutor(api.Config())
    began: list[float] = []

    async def tell() -> None:
        began.append(time.perf_counter())

    func = executor.task()(tell)
    await executor.start()
    delays = []
    for number in range(count):
        await asyncio.sleep(0.02)
        start = time.perf_counter()
        await executor.submit(func)
        while len(began) <= number:
            await asyncio.sleep(0)
        delays.append((began[number] - start) * 1e3)
    await executor.stop()
    return sorted(delays)


async def measure(path: str, count: int, naps: int, pick_ups: int) -> list[Measured]:
    api = import_module(path)
    enqueue, drain = await Bench(api, DRAIN_SLOTS, count).rates(noop)
    _, fan_out = await Bench(api, NAP_SLOTS, naps).rates(nap)
    delays = await pick_up(api, pick_ups)
    return [
        ("enqueue", enqueue, "/s"),
        ("drain noop", drain, "/s"),
        ("fan-out", fan_out, "/s"),
        ("pick-up p50", median(delays), "ms"),
        ("pick-up p99", delays[int(len(delays) * 0.99)], "ms"),
    ]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], *map(int, sys.argv[2:])))))
