"""How long the admin's pages keep the database busy: at 1,000,000 records, under 100 ms each.

    python -m tests.benchmarks.admin_pages [--records N] [--times N] [--only KIND] [--every N]
        [--keep FOLDER]

Fills a SQLite file of its own (with FLOWRRA_TEST_DEFAULT=postgresql or mariadb, a database of its
own on the server that the tests use), opens every page, filter, combination of filters and search
through Django's test client, runs the commands that tell of as much, and prints what each kind of
page took: first where 100,000 jobs wait on one queue, then where they wait on 200.

Each page is opened five times, and its median counts: the time that the database kept a processor
busy, where that is on this machine, which is that of the thread on SQLite and that of the server's
process on PostgreSQL; else the time that passed. Exits 1 if it is over 100 ms for a page. With
--keep what was filled is there for the next run, of the same day: the figures of the last hour are
of when that was, then.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import django

LIMIT_MS = 100
RECORDS = 1_000_000
TIMES = 5
LINE = "{:38} {:>6} {:>10}" + " {:>9}" * 4
TITLES = ("median", "its best", "its worst", "page ms")


def main() -> int:
    """Fill, visit and report; return the exit code."""
    asked = _asked()
    if asked.keep:
        asked.keep.mkdir(exist_ok=True)
        return _measure(asked.keep.resolve(), asked)
    with TemporaryDirectory(prefix="flowrra_admin_pages_") as folder:
        return _measure(Path(folder), asked)


def report(visits: Iterable[Any]) -> int:
    """Print a line for each kind of page: of its pages, the one with the longest median."""
    print(f"{'':56}database ms of the slowest page of the kind")
    print(LINE.format("kind of page", "pages", "statements", *TITLES))
    ordered = sorted(visits, key=attrgetter("kind"))
    for kind, group in groupby(ordered, attrgetter("kind")):
        same = list(group)
        slowest = max(same, key=attrgetter("usual_ms"))
        busy = slowest.usual_ms, min(slowest.database_ms), max(slowest.database_ms)
        figures = [f"{figure:.1f}" for figure in busy]
        most = max(visit.statements for visit in same)
        print(LINE.format(kind, len(same), most, *figures, f"{median(slowest.whole_ms):.0f}"))
    ordered.sort(key=attrgetter("usual_ms"), reverse=True)
    print("\nThe slowest:")
    for visit in ordered[:10]:
        print(f"{visit.usual_ms:7.1f} ms  {visit.url}")
    over = [visit for visit in ordered if visit.usual_ms > LIMIT_MS]
    always = [visit for visit in over if min(visit.database_ms) > LIMIT_MS]
    print(
        f"\n{len(ordered)} pages, the median of {len(over)} over {LIMIT_MS} ms in the database, "
        f"and of {len(always)} even the best."
    )
    return 1 if over else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.benchmarks.admin_pages")
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--times", type=int, default=TIMES, help="How often to open each page.")
    parser.add_argument("--only", default="", metavar="KIND", help="Only kinds that begin so.")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="Of a kind, each Nth.")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="Use again what is there.")
    return parser.parse_args()


def _measure(folder: Path, asked: argparse.Namespace) -> int:
    os.environ["FLOWRRA_TEST_FOLDER"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    visiting = import_module("tests.benchmarks.visiting")
    start = time.perf_counter()
    engine = os.environ.get("FLOWRRA_TEST_DEFAULT", "sqlite")
    visiting.prepare(asked.records, folder / f"{engine}_{asked.records}")
    print(f"{engine}: {asked.records:,} records in {time.perf_counter() - start:.0f} s.\n")
    try:
        return report(visiting.visit_all(asked.times, asked.only, asked.every))
    finally:
        if not asked.keep:
            visiting.clear()


if __name__ == "__main__":
    sys.exit(main())
