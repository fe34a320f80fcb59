"""What more worker processes bring: `python -m tests.benchmarks.processes`.

Medians of three rounds, interleaved, of the rate at which 1, 2 and 4 processes drain one backlog of
coroutines that do nothing, and of plain functions that compute for 2 ms.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from itertools import product
from statistics import median

from tests.benchmarks.contestants import OURS, Contestant
from tests.benchmarks.ground import BrokenContestantError, Ground, open_ground
from tests.support import ROOT

PROCESSES = (1, 2, 4)
COUNTS = {"noop": 30_000, "busy": 3_000}
ROUNDS = 3


def main(arguments: argparse.Namespace) -> None:
    chosen = [each for each in OURS if each.store in arguments.store]
    rates: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    runs = list(product(range(ROUNDS), chosen, COUNTS.items(), PROCESSES))
    with open_ground({kind for each in chosen for kind in each.servers}) as ground:
        for _, each, (job, count), number in runs:
            found = rate(each, ground, job, int(count * arguments.part), number)
            rates[each.store, job, number].append(found)
    show(rates)


def rate(contestant: Contestant, ground: Ground, job: str, count: int, processes: int) -> float:
    ground.clear(contestant)
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.ours.crowd", job, str(count), str(processes)],
        cwd=ROOT, env=ground.environment(contestant, BENCH_JOBS=count), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BrokenContestantError(done.stderr)
    return float(done.stdout)


def show(rates: dict[tuple[str, str, int], list[float]]) -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, medians of {ROUNDS}")
    print(
        "| store | job | processes | jobs/s | to one process | rounds |\n|---|---|---|---|---|---|"
    )
    for (store, job, number), found in rates.items():
        one, rounds = median(rates[store, job, 1]), ", ".join(f"{each:,.0f}" for each in found)
        ratio = f"{median(found) / one:.2f} ×"
        print(f"| {store} | {job} | {number} | {median(found):,.0f} | {ratio} | {rounds} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    databases = [each.store for each in OURS if each.store != "redis"]  # asked with the ORM
    parser.add_argument("--store", nargs="+", choices=databases, default=["sqlite", "postgresql"])
    parser.add_argument("--part", type=float, default=1.0, help="of the jobs")
    main(parser.parse_args())
