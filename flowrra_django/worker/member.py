"""A supervised worker process, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from .line import ASK, LEAVING, READY

LAST_WORDS_SECONDS = 1.0

Command = Callable[[int, int], Sequence[str]]
"""Gives the command of a worker from its number and the handle of its line."""


class Member:
    """One worker process from its start to its end."""

    def __init__(
        self, number: int, process: asyncio.subprocess.Process, line: socket.socket
    ) -> None:
        self.number = number
        self.started_at = time.monotonic()
        self.is_ready = asyncio.Event()
        self.is_leaving = asyncio.Event()
        self._process = process
        self._line = line
        self._listening = asyncio.create_task(self._listen())
        self.ended = asyncio.create_task(self._until_ended())
        """Gives the exit code, negative for a signal."""

    @classmethod
    async def start(cls, number: int, command: Command) -> Member:
        """Start a worker process, one at a time. Raises OSError if the system has no room."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            handle = theirs.fileno()
            try:
                with ctrl_c_held_back():
                    process = await asyncio.create_subprocess_exec(
                        *command(number, handle), pass_fds=[handle]
                    )
            except BaseException:
                ours.close()
                raise
        return cls(number, process, ours)

    def __str__(self) -> str:
        return f"Worker {self.number} (pid {self._process.pid})"

    def ask(self) -> None:
        """Have it drain; the second time, stop at once."""
        with suppress(OSError):  # it is gone
            self._line.send(ASK)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _listen(self) -> None:
        heard = {READY: self.is_ready, LEAVING: self.is_leaving}
        with suppress(OSError):
            while word := await asyncio.get_running_loop().sock_recv(self._line, 1):
                heard[word].set()

    async def _until_ended(self) -> int:
        code = await self._process.wait()
        # A fork that a job left behind may hold the line open.
        await asyncio.wait([self._listening], timeout=LAST_WORDS_SECONDS)
        self._listening.cancel()
        self._line.close()
        return code


@contextmanager
def ctrl_c_held_back() -> Iterator[None]:
    """Start a process within this that is deaf to Ctrl-C until it lifts that itself.

    A terminal sends it to the workers, too, and it would hit them while they import the site.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
