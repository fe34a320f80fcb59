"""How long the admin's pages keep the database busy: at 1,000,000 records, under 100 ms each.

    python -m tests.benchmarks.admin_pages [RECORDS]

Fills a SQLite file of its own, opens every page, filter, combination of filters and search through
Django's test client, and prints what each kind of page took. Exits 1 if a page kept the database
busy for over 100 ms. A page that did is opened twice more, and its best time counts: on a machine
at work, any page may have to wait.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from itertools import groupby
from operator import attrgetter
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import django

LIMIT_MS = 100
RECORDS = 1_000_000
LINE = "{:38} {:>6} {:>10} {:>12} {:>13} {:>14}"


def main(records: int) -> int:
    """Fill, visit and report; return the exit code."""
    with TemporaryDirectory(prefix="flowrra_admin_pages_") as folder:
        os.environ["FLOWRRA_TEST_FOLDER"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        django.setup()
        visiting = import_module("tests.benchmarks.visiting")
        start = time.perf_counter()
        visiting.prepare(records)
        print(f"{records:,} records in {time.perf_counter() - start:.0f} s.\n")
        visits = list(visiting.visit_all(LIMIT_MS))
    return report(visits)


def report(visits: Iterable[Any]) -> int:
    by_kind = attrgetter("kind")
    print(LINE.format("kind of page", "pages", "statements", "database ms", "", "whole page ms"))
    print(LINE.format("", "", "most", "median", "worst", "worst"))
    ordered = sorted(visits, key=by_kind)
    for kind, group in groupby(ordered, by_kind):
        same = list(group)
        busy = [visit.database_ms for visit in same]
        print(
            LINE.format(
                kind,
                len(same),
                max(visit.statements for visit in same),
                f"{median(busy):.1f}",
                f"{max(busy):.1f}",
                f"{max(visit.whole_ms for visit in same):.0f}",
            )
        )
    slowest = sorted(ordered, key=attrgetter("database_ms"), reverse=True)
    print("\nThe slowest:")
    for visit in slowest[:5]:
        print(f"{visit.database_ms:7.1f} ms  {visit.url}")
    over = [visit for visit in ordered if visit.database_ms > LIMIT_MS]
    print(f"\n{len(ordered)} pages, {len(over)} of them over {LIMIT_MS} ms in the database.")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS))
