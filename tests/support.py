"""What many tests need: patience, and a real worker process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Poll until the condition holds, and return what it returned; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {condition}"
        time.sleep(0.01)
    return result


class WorkerProcess:
    """`manage.py runflowrra` in a process group of its own, on the test's database."""

    def __init__(self, *options: str, log: Path, **environment: str) -> None:
        self._log = log.open("ab")
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "runflowrra", *options],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self.log.read_text()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def send_group(self, number: int) -> None:
        """Signal everything that the worker started too, as a terminal does on Ctrl-C."""
        os.killpg(self.pid, number)

    def wait(self, seconds: float = 20.0) -> int:
        return self.process.wait(seconds)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.send(signal.SIGTERM)
            try:
                self.wait(10)
            except subprocess.TimeoutExpired:
                self.send_group(signal.SIGKILL)
                self.wait()
        self._log.close()


@contextmanager
def worker_process(*options: str, log: Path, **environment: str) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(*options, log=log, **environment)
    try:
        yield worker
    finally:
        worker.stop()
