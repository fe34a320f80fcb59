"""Functions that the CPU executor's tests have run in child processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from tests.contracts.plain_tasks import PAUSE_SECONDS, notes_in


def echo(value: Any) -> Any:
    return value


def pid() -> int:
    return os.getpid()


def square(number: int) -> int:
    return number * number


def give_lock() -> Any:
    return threading.Lock()


def announce(folder: str) -> None:
    """Write down the pid, a line for each call."""
    with Path(folder, "notes").open("a") as notes:
        notes.write(f"{os.getpid()}\n")


def meet(folder: str) -> int:
    """Return when another has come, too: both have to run at the same time."""
    announce(folder)
    while len(notes_in(folder)) < 2:
        time.sleep(PAUSE_SECONDS)
    return os.getpid()


def die_first(folder: str) -> int:
    """Kill the own process when called for the first time."""
    announce(folder)
    if len(notes_in(folder)) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def die(folder: str) -> None:
    announce(folder)
    os._exit(7)


def endless(folder: str) -> None:
    announce(folder)
    while True:
        time.sleep(1)


class Jobs:
    @staticmethod
    def inner(number: int) -> int:
        return -number
