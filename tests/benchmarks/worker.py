"""A contestant's worker process, and what the kernel says that it costs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.benchmarks.contestants import Contestant
from tests.benchmarks.ground import BrokenContestantError, Ground
from tests.support import ROOT

STOP_SECONDS = 5.0
PAGE = os.sysconf("SC_PAGE_SIZE")


class Worker:
    """A process group of a contestant; its files tell what its jobs did."""

    def __init__(self, contestant: Contestant, ground: Ground, jobs: int, slots: int) -> None:
        self.folder = ground.folder / "run"
        self.log = self.folder / "log"
        self.started_at = time.time()
        command = [word.format(slots=slots) for word in contestant.command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=ground.environment(contestant, BENCH_JOBS=jobs, BENCH_SLOTS=slots),
                start_new_session=True,
            )  # fmt: skip

    def told(self, name: str, patience: float) -> float:
        """Return the moment in one of the jobs' files, as soon as it is there."""
        path, give_up = self.folder / name, time.monotonic() + patience
        while not path.exists():
            if self.process.poll() is not None:
                raise BrokenContestantError(f"its worker ended: {self._last_words()}")
            if time.monotonic() > give_up:
                raise BrokenContestantError(f"no {name} job within {patience:.0f} s")
            time.sleep(0.01)
        return float(path.read_text())

    @property
    def megabytes(self) -> float:
        """Return what is resident of the worker and its children, in MB; shared pages once each."""
        return sum(map(resident, self._pids())) * PAGE / 2**20

    @property
    def processor_seconds(self) -> float:
        return sum(scheduled(pid) for pid in self._pids())

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _last_words(self) -> str:
        return (self.log.read_text().strip().splitlines() or ["it said nothing"])[-1]

    @property
    def children(self) -> list[int]:
        """Return the ids of the processes below it."""
        return self._pids()[1:]

    def _pids(self) -> list[int]:
        pids = [self.process.pid]
        for pid in pids:
            pids.extend(children(pid))
        return pids


@contextmanager
def running(contestant: Contestant, ground: Ground, jobs: int, slots: int) -> Iterator[Worker]:
    worker = Worker(contestant, ground, jobs, slots)
    try:
        yield worker
    finally:
        worker.stop()


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def scheduled(pid: int) -> float:
    """Return the processor time that the kernel gave to all threads of a process."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
