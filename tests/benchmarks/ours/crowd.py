"""One backlog, several worker processes: `python -m tests.benchmarks.ours.crowd JOB COUNT N`.

The queue is paused until all workers are there. Prints how many jobs a second ended, without the
first and the last fifth of them, in which not all workers take part; fails if a job was run twice.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import django

django.setup()

from flowrra_django.models import TaskRecord, WorkerProcess  # noqa: E402 - after the settings
from flowrra_django.queues import pause_queue, resume_queue  # noqa: E402
from tests.benchmarks.ours import tasks  # noqa: E402

PATIENCE_SECONDS = 120.0
SLOTS = {"noop": ("--io-workers", "100"), "busy": ("--thread-workers", "8")}


def main(job: str, count: int, processes: int) -> float:
    pause_queue("default")
    getattr(tasks, job).enqueue_many([()] * count)
    with running(job, processes):
        until(lambda: WorkerProcess.objects.count() == processes)
        resume_queue("default")
        until(lambda: TaskRecord.objects.filter(status="success").count() == count)
    if TaskRecord.objects.filter(attempts=1).count() != count:
        raise SystemExit("a job was run twice")
    ended = sorted(TaskRecord.objects.values_list("finished_at", flat=True))
    first, last = ended[count // 5], ended[count - count // 5]
    return (count - 2 * (count // 5)) / (last - first).total_seconds()


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise SystemExit(f"not so within {PATIENCE_SECONDS:.0f} s: {condition}")
        time.sleep(0.1)


@contextmanager
def running(job: str, processes: int) -> Iterator[None]:
    command = [sys.executable, "-m", "django", "runflowrra", "-v", "0", *SLOTS[job]]
    worker = subprocess.Popen(
        [*command, "--processes", str(processes)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
