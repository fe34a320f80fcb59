"""What jobs cost here, beside the bare machine and the peers: `python -m tests.benchmarks`.

Without options it takes under five minutes: one round of small sizes. Peers are measured where the
`bench` extra is installed (`pip install -e ".[bench]"`), interleaved with ours, each on servers
that are started for this run. Figures drift with the machine's load: compare those of one run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks import measuring, report
from tests.benchmarks.contestants import IN_MEMORY, OURS, PEERS, STORES, Contestant
from tests.benchmarks.ground import Ground, open_ground
from tests.benchmarks.limits import limits
from tests.benchmarks.measuring import FULL, QUICK, TINY, Figure, Size

SIZES = {size.name: size for size in (TINY, QUICK, FULL)}
BESIDE = 10_000  # jobs that are drained beside finished records
PATIENCE_SECONDS = 300.0
FEW, ROUNDS_OF_FEW = 20_000, 3  # a small backlog is drained several times, since it is soon done


class Run:
    """The figures so far, and who could not be measured; both are in a file at each moment."""

    def __init__(self, ground: Ground, size: Size, path: Path | None) -> None:
        self.ground, self.size, self.path = ground, size, path
        self.figures: list[Figure] = []
        self.skipped: dict[str, str] = {}
        self.rounds = 0
        self.started_at, self.load = time.monotonic(), os.getloadavg()

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self.started_at) / 60

    def attempt(self, who: str, act: Callable[[], Iterable[Figure]]) -> None:
        """Measure, or note why that cannot be: the others are measured all the same."""
        print(f"{self.minutes:5.1f} min: {who}", file=sys.stderr)
        try:
            self.figures += act()
        except Exception as error:
            self.skipped[who] = str(error) or repr(error)
            print(f"           broke off: {self.skipped[who]}", file=sys.stderr)
        self.write()

    def measure_all(self, chosen: Iterable[Contestant]) -> None:
        """Measure each store's limits and then its contestants, one after the other."""
        for store in STORES:
            same = [each for each in chosen if each.store == store]
            able = [each for each in same if not self._is_impossible(each)]
            if able:
                act = partial(limits, store, self.ground, self.size)
                self.attempt(f"limits, {store}", act)
            for each in able:
                measure = in_memory if store == "memory" else measuring.measure
                self.attempt(_name(each), partial(measure, each, self.ground, self.size))
        self.rounds += 1

    def drain(self, chosen: Iterable[Contestant], count: int, finished: int = 0) -> None:
        """Drain a backlog of ours, with so many finished records in the table."""
        name = f"drain {count:,}" + (f" beside {finished:,} ended" if finished else "")
        for each in chosen:
            # In Redis each record is a key of its own: nothing is looked through.
            has_table = each.store != "redis" or not finished
            if not each.is_ours or each.store == "memory" or not has_table:
                continue
            if not self._is_impossible(each):
                act = partial(drained, each, self.ground, count, finished, name)
                self.attempt(f"{_name(each)}: {name}", act)

    def _is_impossible(self, contestant: Contestant) -> bool:
        reason = self.ground.why_not(contestant)
        if reason:
            self.skipped[f"{contestant.name}, {contestant.store}"] = reason
        return bool(reason)

    def about(self) -> dict[str, object]:
        return {
            "size": self.size.name, "rounds": self.rounds, "minutes": round(self.minutes, 1),
            "python": platform.python_version(), "machine": platform.platform(),
            "cores": os.cpu_count(), "load before and after": [self.load, os.getloadavg()],
        }  # fmt: skip

    def write(self) -> None:
        if self.path is not None:
            data = report.as_json(report.medians(self.figures), self.skipped, self.about())
            self.path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def main(arguments: argparse.Namespace) -> None:
    size = SIZES[arguments.size]
    chosen = [each for each in (*IN_MEMORY, *OURS, *PEERS) if is_wanted(each, arguments)]
    with open_ground({kind for each in chosen for kind in each.servers}) as ground:
        run = Run(ground, size, arguments.json)
        while run.rounds < size.rounds * (not arguments.only_backlogs):
            if run.minutes * (1 + 1 / max(run.rounds, 1)) > arguments.minutes:
                break
            run.measure_all(chosen)
        for count in arguments.backlog:
            for _ in range(ROUNDS_OF_FEW if count <= FEW else 1):
                run.drain(chosen, count)
        if arguments.finished:
            run.drain(chosen, BESIDE, arguments.finished)
    print(report.table(report.medians(run.figures), run.skipped))
    print(f"\n{json.dumps(run.about())}")


def _name(contestant: Contestant) -> str:
    return f"{contestant.title}, {contestant.store}"


def is_wanted(contestant: Contestant, arguments: argparse.Namespace) -> bool:
    is_chosen = contestant.is_ours or arguments.peers
    return contestant.store in arguments.store and is_chosen


def in_memory(contestant: Contestant, ground: Ground, size: Size) -> Iterator[Figure]:
    sizes = (int(contestant.pace * size.seconds), size.naps, size.pick_ups)
    told = ground.run(
        contestant, "in_memory", contestant.module, *map(str, sizes), patience=PATIENCE_SECONDS
    )
    for measure, value, unit in json.loads(told):
        yield Figure(contestant.title, contestant.store, measure, value, unit)


def drained(
    contestant: Contestant, ground: Ground, count: int, finished: int, name: str
) -> Iterator[Figure]:
    rate = measuring.drain_beside(contestant, ground, count, finished)
    yield Figure(contestant.title, contestant.store, name, rate)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.benchmarks", description=(__doc__ or "").split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--size", choices=SIZES, default=QUICK.name, help="full: medians of three")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="begin no round that would take longer"
    )
    parser.add_argument("--store", nargs="+", choices=STORES, default=STORES, metavar="STORE")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="ours alone")
    parser.add_argument(
        "--backlog", nargs="+", type=int, default=[], metavar="JOBS",
        help="drain such backlogs too, such as 10000 100000 1000000",
    )  # fmt: skip
    parser.add_argument(
        "--finished", type=int, default=0, metavar="RECORDS",
        help="drain 10,000 jobs beside so many finished records too, such as 1000000",
    )  # fmt: skip
    parser.add_argument(
        "--only-backlogs", action="store_true", help="nothing but --backlog and --finished"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


if __name__ == "__main__":
    main(parser().parse_args())
