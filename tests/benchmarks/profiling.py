"""Where the microseconds of a job go: `python -m tests.benchmarks.profiling STORE [JOBS]`.

Drains no-op coroutines with a worker that watches itself, and prints what its busy threads
did: in percent of the time, and in microseconds a job.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

from tests.benchmarks.contestants import DRAIN_SLOTS, OURS, PYTHON
from tests.benchmarks.ground import open_ground
from tests.benchmarks.measuring import PATIENCE_SECONDS, fill, rate
from tests.benchmarks.worker import running

COMMAND = (
    PYTHON, "-m", "tests.benchmarks.profiled", "runflowrra", "--io-workers", "{slots}",
    "--verbosity", "0",
)  # fmt: skip


def main(store: str, jobs: int) -> None:
    [plain] = [each for each in OURS if each.store == store]
    watched = replace(plain, command=COMMAND)
    with open_ground(set(watched.servers)) as ground:
        ground.clear(watched)
        fill(watched, ground, "noop", jobs)
        with running(watched, ground, jobs, DRAIN_SLOTS) as worker:
            drained = rate(worker, jobs)
            path, give_up = worker.folder / "profile", time.monotonic() + PATIENCE_SECONDS
            while not path.exists() and time.monotonic() < give_up:
                time.sleep(0.05)
            time.sleep(0.05)
            told = json.loads(path.read_text())
    print(f"{store}: {jobs:,} jobs, {drained:,.0f}/s while watched\n")
    show(told["seen"], told["seconds"] / jobs * 1e6)


def show(seen: dict[str, int], microseconds: float) -> None:
    for thread in ("loop", "store", "writer"):
        stages = {k: v for k, v in seen.items() if k.startswith(f"{thread}: ")}
        total = sum(stages.values())
        if not total:
            continue
        for stage, count in sorted(stages.items(), key=lambda item: -item[1]):
            share = count / total
            print(f"{stage:36} {share:6.1%} {share * microseconds:8.1f} µs")
        print()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000)
