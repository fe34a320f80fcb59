"""What is measured of a contestant: frozen figures, one round at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.contestants import NAP_SLOTS, Contestant
from tests.benchmarks.ground import BrokenContestantError, Ground
from tests.benchmarks.worker import Worker, running

SETTLED_SECONDS = 1.5  # from the last job until a worker is idle
PATIENCE_SECONDS = 60.0
BACKLOG_FACTOR = 4  # how much longer it takes to drain the backlog that urgent jobs pass by


@dataclass(frozen=True)
class Size:
    """How much is measured. `seconds` is about how long a drain takes."""

    name: str
    rounds: int
    seconds: float
    naps: int
    pick_ups: int
    idle_seconds: float


TINY = Size("tiny", rounds=1, seconds=0.02, naps=20, pick_ups=3, idle_seconds=0.2)
QUICK = Size("quick", rounds=1, seconds=1.0, naps=1_000, pick_ups=15, idle_seconds=1.0)
FULL = Size("full", rounds=3, seconds=1.5, naps=2_000, pick_ups=50, idle_seconds=2.0)


@dataclass(frozen=True)
class Figure:
    """One measured value: of whom (None: of the bare machine), what, and in which unit."""

    contestant: str
    store: str
    measure: str
    value: float
    unit: str = "/s"


def measure(contestant: Contestant, ground: Ground, size: Size) -> Iterator[Figure]:
    """Measure all that the contestant can do, once."""
    for name, value, unit in _measure(contestant, ground, size):
        yield Figure(contestant.title, contestant.store, name, value, unit)


Measured = Iterator[tuple[str, float, str]]


def _measure(contestant: Contestant, ground: Ground, size: Size) -> Measured:
    count = int(contestant.pace * size.seconds) + 10
    yield from enqueued(contestant, ground, count)
    with running(contestant, ground, count, contestant.slots) as worker:
        yield "start", worker.told("first", PATIENCE_SECONDS) - worker.started_at, "s"
        drained = rate(worker, count)
        yield "drain noop", drained, "/s"
        if contestant.runs_in:
            yield f"drain {contestant.runs_in}", drained, "/s"
        yield from idle(worker, size)
        yield from picked_up(contestant, ground, size)
    if contestant.is_ours:
        check_kept(contestant, ground, count)
        yield from picked_up_under_load(contestant, ground, size)
    for job in sorted(set(contestant.jobs) & {"plain", "cpu"}):
        yield f"drain {job}", drain(contestant, ground, job, count // 4), "/s"
    if "nap" in contestant.jobs:
        yield "fan-out", drain(contestant, ground, "nap", size.naps, NAP_SLOTS), "/s"


def enqueued(contestant: Contestant, ground: Ground, count: int) -> Measured:
    """Enqueue so many jobs, in each of the ways that there are: most of them in the last one."""
    ground.clear(contestant)
    *others, last = contestant.ways
    few = max(count // 10, min(count // 3, 500))
    for way in others:
        yield way, enqueue(contestant, ground, way, few), "/s"
    yield last, enqueue(contestant, ground, last, count - few * len(others)), "/s"


def enqueue(
    contestant: Contestant, ground: Ground, way: str, count: int, job: str = "noop"
) -> float:
    return float(json.loads(ground.act(contestant, way, job, count))["rate"])


def rate(worker: Worker, count: int) -> float:
    """Return how many jobs a second ended, from the first one's begin to the last one's end."""
    first = worker.told("first", PATIENCE_SECONDS)
    last = worker.told("last", PATIENCE_SECONDS + count / 50)
    return count / (last - first)


def drain(
    contestant: Contestant, ground: Ground, job: str, count: int, slots: int | None = None
) -> float:
    ground.clear(contestant)
    fill(contestant, ground, job, count)
    with running(contestant, ground, count, slots or contestant.slots) as worker:
        return rate(worker, count)


def fill(contestant: Contestant, ground: Ground, job: str, count: int) -> None:
    enqueue(contestant, ground, contestant.ways[-1], count, job)


def drain_beside(contestant: Contestant, ground: Ground, count: int, finished: int) -> float:
    """Drain so many jobs from a table that holds as many finished ones already."""
    ground.clear(contestant)
    if finished:
        ground.act(contestant, "finish", count=finished)
    fill(contestant, ground, "noop", count)
    with running(contestant, ground, count, contestant.slots) as worker:
        return rate(worker, count)


def idle(worker: Worker, size: Size) -> Measured:
    time.sleep(SETTLED_SECONDS)
    before, start = worker.processor_seconds, time.perf_counter()
    time.sleep(size.idle_seconds)
    took = worker.processor_seconds - before
    yield "idle RSS", worker.megabytes, "MB"
    yield "idle CPU", 100 * took / (time.perf_counter() - start), "%"


def picked_up(contestant: Contestant, ground: Ground, size: Size) -> Measured:
    told = json.loads(ground.act(contestant, "pick_up", "tell", size.pick_ups))
    yield from percentiles("pick-up", told["delays"])


def picked_up_under_load(contestant: Contestant, ground: Ground, size: Size) -> Measured:
    """Enqueue urgent jobs while a backlog is drained: none, if it is gone by then."""
    count = int(contestant.pace * size.seconds * BACKLOG_FACTOR)
    ground.clear(contestant)
    fill(contestant, ground, "noop", count)
    with running(contestant, ground, count, contestant.slots) as worker:
        worker.told("first", PATIENCE_SECONDS)
        told = json.loads(ground.act(contestant, "pick_up_urgent", "tell", size.pick_ups))
    if told["delays"]:
        yield from percentiles("busy pick-up", told["delays"])


def percentiles(name: str, values: list[float]) -> Measured:
    ordered = sorted(values)
    yield f"{name} p50", median(ordered), "ms"
    yield f"{name} p99", ordered[int(len(ordered) * 0.99)], "ms"


def check_kept(contestant: Contestant, ground: Ground, count: int) -> None:
    """Fail if not every job has its result: a rate that loses some is none."""
    kept = json.loads(ground.act(contestant, "kept"))
    if 0 <= kept < count:
        raise BrokenContestantError(f"{kept} results of {count} jobs")
