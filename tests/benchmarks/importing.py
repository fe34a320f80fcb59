"""What the app adds to the start of every process: `python -m tests.benchmarks.importing [ROUNDS]`.

Fresh processes, interleaved, with compiled modules as an installed package has them: Django set up
alone, then with a module that declares a task, then with the app installed too. Prints medians of
the milliseconds that `-X importtime` sums up, of processor time, and of the megabytes resident.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from tempfile import TemporaryDirectory

from tests.support import ROOT

SETUP = """
import os, time
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", *{apps}],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
)
django.setup()
{then}
pages = int(open("/proc/self/statm").read().split()[1])
print(time.process_time() * 1e3, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
"""
TASK = "import flowrra_django; flowrra_django.flowrra_task"
APP = ["flowrra_django"]
SITES = {"Django": ([], ""), "with a task": ([], TASK), "with the app and a task": (APP, TASK)}
SELF_TIME = re.compile(r"^import time:\s+(\d+) \|", re.MULTILINE)
ROW = "{:24} {:>12} {:>12} {:>9}"

Times = tuple[float, ...]  # milliseconds of imports, of the processor, and megabytes


def main(rounds: int) -> None:
    found: defaultdict[str, list[Times]] = defaultdict(list)
    with TemporaryDirectory(prefix="flowrra_bench_") as folder:
        for number in range(rounds + 1):
            for name, (apps, then) in SITES.items():
                times = measure(SETUP.format(apps=apps, then=then), folder)
                if number:  # the first round compiles
                    found[name].append(times)
    print(f"load {os.getloadavg()[0]:.1f}, medians of {rounds}, interleaved")
    print(table({name: medians(each) for name, each in found.items()}))


def measure(code: str, folder: str) -> Times:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    imports = sum(map(int, SELF_TIME.findall(done.stderr))) / 1e3
    return imports, *map(float, done.stdout.split())


def medians(runs: list[Times]) -> Times:
    return tuple(median(column) for column in zip(*runs, strict=True))


def table(found: Mapping[str, Times]) -> str:
    """Return what each site took, and below what it took more than Django alone."""
    lines = [ROW.format("", "imports ms", "processor ms", "RSS MB")]
    lines += [_row(name, times) for name, times in found.items()]
    alone, *more = found.items()
    for name, times in more:
        added = tuple(a - b for a, b in zip(times, alone[1], strict=True))
        lines.append(_row(f"added {name}", added))
    return "\n".join(lines)


def _row(name: str, times: Times) -> str:
    return ROW.format(name, *(f"{each:.1f}" for each in times))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
