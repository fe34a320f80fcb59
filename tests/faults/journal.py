"""What jobs say of themselves, outside the product: one line for each start and each end."""

from __future__ import annotations

import os
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flowrra_django.job import Job

VARIABLE = "FLOWRRA_TEST_JOURNAL"
END = "."  # the last word of a line that was written whole


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job, by the clock of this machine; `ended` is None if it did not get there.

    `worker` is the process, `worker_id` what it was to the ledger then.
    """

    key: int
    name: str
    worker: int
    worker_id: str
    attempt: str
    started: float
    ended: float | None = None


@contextmanager
def running(job: Job, key: int, worker: int) -> Iterator[str]:
    """Write down that a job starts, and, unless it raises, that it ends; give the run a name."""
    name = uuid.uuid4().hex[:12]
    _write("start", key, name, worker, job.worker, job.attempts)
    yield name
    _write("end", name)


def read(path: Path) -> dict[int, list[Run]]:
    """Return the runs of each job, in the order of their start.

    Of a line that is being written, or whose writer was killed, there may be a part only: what it
    would have told did not happen yet, or never.
    """
    runs: dict[str, Run] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        *words, end = line.split() or [""]
        if end != END:
            continue
        at, word, *rest = words
        if word == "start":
            key, name, worker, worker_id, *attempt = rest  # which a row may say in any words
            runs[name] = Run(int(key), name, int(worker), worker_id, " ".join(attempt), float(at))
        else:
            runs[rest[0]] = replace(runs[rest[0]], ended=float(at))
    by_key = defaultdict(list)
    for run in runs.values():
        by_key[run.key].append(run)
    return dict(by_key)


def _write(*words: object) -> None:
    now = time.clock_gettime(time.CLOCK_REALTIME)  # whatever `time.time` says in a worker of a test
    line = " ".join(map(str, (f"{now:.6f}", *words, END)))
    handle = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, f"\n{line}\n".encode())  # a part of another's line may stand before
        os.fsync(handle)
    finally:
        os.close(handle)
