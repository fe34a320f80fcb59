"""What the site does during a soak: `python -m tests.benchmarks.soaking.client ACT NUMBER SECONDS`.

`feed` enqueues a mix of jobs, NUMBER of them a second, and cancels those that linger. `fill`
enqueues NUMBER at once, `drained` waits until a tenth of them is left, and says how many a second
ended; `left` waits for up to SECONDS until all have ended, and says how many have not.
"""

from __future__ import annotations

import random
import sys
import time
from collections import deque
from typing import Any

import django

django.setup()

from flowrra_django import count_jobs  # noqa: E402 - after the settings
from flowrra_django.results import UNFINISHED  # noqa: E402
from tests.benchmarks.soaking.tasks import MIX, linger  # noqa: E402

BEAT_SECONDS = 0.05
LINGER_SECONDS = 1.0
MOST_AT_ONCE = 100


class Feeder:
    """Enqueues the mix, and remembers what it is to cancel."""

    def __init__(self) -> None:
        self.enqueued = 0
        self.lingering: deque[tuple[float, Any]] = deque()

    def feed(self, count: int) -> None:
        weights = [weight for weight, _ in MIX.values()]
        for task in random.choices([*MIX], weights, k=count):
            job = task.enqueue(*MIX[task][1]())
            if task is linger:
                self.lingering.append((time.monotonic() + LINGER_SECONDS, job))
        self.enqueued += count

    def cancel(self) -> None:
        while self.lingering and self.lingering[0][0] < time.monotonic():
            self.lingering.popleft()[1].cancel()


def fill(count: float, seconds: float) -> float:
    Feeder().feed(int(count))
    return count


def feed(rate: float, seconds: float) -> float:
    """Return how many jobs were enqueued: fewer than asked for, where this is too slow."""
    feeder, start = Feeder(), time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        behind = int(rate * passed) - feeder.enqueued
        feeder.feed(min(behind, MOST_AT_ONCE))
        feeder.cancel()
        if behind <= MOST_AT_ONCE:
            time.sleep(BEAT_SECONDS)
    time.sleep(LINGER_SECONDS)
    feeder.cancel()
    return feeder.enqueued


def drained(count: float, seconds: float) -> float:
    start = unfinished()
    began = time.monotonic()
    while (now := unfinished()) > count / 10:
        if now == start:
            began = time.monotonic()
        if time.monotonic() - began > seconds:
            raise SystemExit(f"{now} of {start} jobs were not drained within {seconds:.0f} s")
        time.sleep(BEAT_SECONDS)
    return (start - now) / (time.monotonic() - began)


def left(_: float, seconds: float) -> float:
    give_up = time.monotonic() + seconds
    while (count := unfinished()) and time.monotonic() < give_up:
        time.sleep(0.5)
    return count


def unfinished() -> int:
    return count_jobs(status=UNFINISHED)


ACTS = {"feed": feed, "fill": fill, "drained": drained, "left": left}

if __name__ == "__main__":
    print(ACTS[sys.argv[1]](*map(float, sys.argv[2:])))
