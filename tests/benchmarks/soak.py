"""Whether a worker grows: `python -m tests.benchmarks.soak --store redis --minutes 60`.

Mixed jobs, at half of what the worker can do: coroutines, threads and CPU-bound ones, failures with
retries, timeouts, cancels, progress, unique ones, ones that expire, big arguments. Results are
pruned all the while. Says of each thing that could grow how it stood and how fast it grew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import mean

from tests.benchmarks.contestants import DRAIN_SLOTS, OURS, Contestant
from tests.benchmarks.ground import BrokenContestantError, Ground, open_ground
from tests.benchmarks.soaking.probes import TOLERANCES, probes_of
from tests.benchmarks.soaking.trend import WARM_UP, Trend
from tests.benchmarks.worker import Worker, running
from tests.support import ROOT

PRUNE_SECONDS = 60.0  # from one round of pruning to the next
PATIENCE_SECONDS = 120.0
LOAD = 0.5
TRIAL = 3_000
ROW = "{:18} {:>9} {:>9} {:>9} {:>9} {:>12}  {}"

Series = dict[str, list[tuple[float, float]]]


def main(arguments: argparse.Namespace) -> int:
    (ours,) = (each for each in OURS if each.store == arguments.store)
    seconds = arguments.minutes * 60
    ttl = min(max(seconds / 10, 10.0), 300.0)
    site = {"BENCH_APPS": "flowrra_django tests.benchmarks.soaking", "BENCH_TTL": str(ttl)}
    contestant = replace(ours, environment=site)
    with open_ground(set(contestant.servers)) as ground:
        rate = arguments.rate or LOAD * capacity(contestant, ground)
        ground.clear(contestant)
        with running(contestant, ground, 0, DRAIN_SLOTS) as worker:
            series, enqueued = soak(contestant, ground, worker, rate, seconds)
            left = int(client(contestant, ground, "left", 0, PATIENCE_SECONDS))
    about = {
        "store": arguments.store, "minutes": arguments.minutes, "ttl seconds": ttl,
        "asked jobs/s": round(rate), "jobs/s": round(enqueued / seconds), "jobs": enqueued,
        "not ended": left, "load": os.getloadavg(), "cores": os.cpu_count(),
    }  # fmt: skip
    warm_up = max(WARM_UP * seconds, min(ttl + PRUNE_SECONDS, 0.6 * seconds))
    tolerances = TOLERANCES | waves(series, rate * PRUNE_SECONDS)
    trends = [Trend(name, each, warm_up, tolerances[name]) for name, each in series.items()]
    print(table(trends), "", verdict(trends, left), json.dumps(about), sep="\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"about": about, "series": series}) + "\n")
    return 0 if left == 0 and all(each.is_flat for each in trends) else 1


def waves(series: Series, jobs: float) -> dict[str, float]:
    """Return by how much the stores go up and down as so many jobs come between two prunings."""
    found = {"ledger rows": jobs, "Redis keys": jobs}
    if "Redis keys" in series:
        keys, megabytes = (mean_of(series[name]) for name in ("Redis keys", "Redis MB"))
        found["Redis MB"] = jobs * megabytes / keys
    return found


def mean_of(samples: list[tuple[float, float]]) -> float:
    return mean(value for _, value in samples)


def capacity(contestant: Contestant, ground: Ground) -> float:
    """Return how many jobs of the mix a worker ends in a second that finds them waiting."""
    ground.clear(contestant)
    client(contestant, ground, "fill", TRIAL, 0)
    with running(contestant, ground, 0, DRAIN_SLOTS):
        rate = client(contestant, ground, "drained", TRIAL, PATIENCE_SECONDS)
    print(f"a worker drains {rate:,.0f} jobs/s of the mix", file=sys.stderr)
    return rate


def client(contestant: Contestant, ground: Ground, act: str, *numbers: float) -> float:
    process = begin(contestant, ground, act, *numbers)
    return told_by(process)


def begin(
    contestant: Contestant, ground: Ground, act: str, *numbers: float
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.soaking.client", act, *map(str, numbers)],
        cwd=ROOT, env=ground.environment(contestant), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def told_by(process: subprocess.Popen[str]) -> float:
    said, _ = process.communicate()
    if process.returncode:
        raise BrokenContestantError("the site's process failed")
    return float(said)


def soak(
    contestant: Contestant, ground: Ground, worker: Worker, rate: float, seconds: float
) -> tuple[Series, int]:
    """Return what was sampled while jobs came, and how many came."""
    series: Series = defaultdict(list)
    feeder, start = begin(contestant, ground, "feed", rate, seconds), time.monotonic()
    with probes_of(contestant.store, ground, worker) as probes:
        while feeder.poll() is None and (passed := time.monotonic() - start) < seconds:
            for name, value in sampled(probes):
                series[name].append((passed, value))
            time.sleep(min(5.0, seconds / 40))
    if worker.process.poll() is not None:
        raise BrokenContestantError("the worker ended")
    return dict(series), int(told_by(feeder))


def sampled(probes: dict[str, Callable[[], float]]) -> Iterator[tuple[str, float]]:
    for name, probe in probes.items():
        with suppress(OSError):  # a child that has just ended
            yield name, probe()


def table(trends: list[Trend]) -> str:
    heads = ("first", "quarter", "half", "end", "an hour")
    lines = [ROW.format("", *heads, "").rstrip()]
    for each in trends:
        stood = [f"{each.at(part):,.1f}" for part in (0.0, 0.25, 0.5, 1.0)]
        words = "flat" if each.is_flat else "grows"
        lines.append(ROW.format(each.name, *stood, f"{each.slope:+,.1f}", words))
    return "\n".join(lines)


def verdict(trends: list[Trend], left: int) -> str:
    growing = [each.name for each in trends if not each.is_flat]
    words = [f"It grows: {', '.join(growing)}." if growing else "It is flat: nothing grows."]
    allowed = {each.name: each.allowance for each in trends}["worker RSS MB"]
    span = (trends[0].fitted[-1][0] - trends[0].fitted[0][0]) / 60
    words.append(f"In the {span:.1f} minutes after the warm-up, {allowed:.1f} MB would be nothing.")
    words.append(f"{left} jobs have not ended." if left else "Every job has ended.")
    return " ".join(words)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.benchmarks.soak", description=(__doc__ or "").split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--store", choices=[each.store for each in OURS], default="sqlite")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=0.0, help="jobs a second; half load if none")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main(parser().parse_args()))
