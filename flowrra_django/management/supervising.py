"""Several worker processes under one command, for the command line."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from django.db import connections
from django.utils.autoreload import get_child_arguments

from ..worker.line import UNSUPERVISED, Line, SupervisorLine
from ..worker.supervisor import Supervisor

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Place(NamedTuple):
    """Where a worker stands: what begins its lines, and its line to the supervisor."""

    label: str = ""
    line: Line = UNSUPERVISED

    @classmethod
    def read(cls, words: str | None) -> Self:
        """Read what `command_of` wrote; None is a worker that nobody supervises."""
        if words is None:
            return cls()
        number, _, handle = words.partition(":")
        return cls(f"[{number}] ", SupervisorLine(int(handle)))


def command_of(number: int, handle: int) -> Sequence[str]:
    """Return the command of a worker: that of this process, and its place."""
    return [*map(str, get_child_arguments()), f"--supervised={number}:{handle}"]


def supervise(
    count: int, *, stop_timeout: float, burst: bool, introduce: Callable[[], None]
) -> int:
    """Run so many workers until told to stop; return the exit code.

    `introduce` is called once signals are heeded, so that it may say how to stop.
    """
    connections.close_all()
    supervisor = Supervisor(command_of, count, stop_timeout=stop_timeout, burst=burst)
    return asyncio.run(_run(supervisor, introduce))


async def _run(supervisor: Supervisor, introduce: Callable[[], None]) -> int:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, supervisor.ask)
    introduce()
    return await supervisor.run()
