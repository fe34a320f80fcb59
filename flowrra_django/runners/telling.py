"""What a CPU child's job tells of itself, from the child to the process that runs it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection

from ..context import Run
from ..reports import LogLine, Progress
from .calls import packed, unpickled

LISTEN_SECONDS = 0.25
WINDOW_SECONDS = 0.5
AT_ONCE = 20  # so often in a window a child tells at once, and then only as the window ends

Hear = Callable[[Progress | LogLine], None]


def ignore(told: Progress | LogLine) -> None:
    """Have nobody listen."""


class Ear:
    """The parent's end: listens four times a second, and once more when it is over."""

    def __init__(self, told: Callable[[], Iterable[Progress | LogLine]], hear: Hear) -> None:
        self._told = told
        self._hear = hear

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LISTEN_SECONDS, self._listen)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._take()

    def _listen(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LISTEN_SECONDS, self._listen)
        self._take()

    def _take(self) -> None:
        for told in self._told():
            self._hear(told)


class Teller:
    """The child's end: sends what a run has told, and never more often than anybody reads it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._since = float("-inf")
        self._left = 0
        self._timer: threading.Timer | None = None

    def note(self, run: Run) -> None:
        """Send what the run has told, now or within half a second."""
        with self._lock:
            now = time.monotonic()
            if now - self._since >= WINDOW_SECONDS:
                self._since, self._left = now, AT_ONCE
            self._left -= 1
            if self._left >= 0:
                self._send(run)
            elif self._timer is None:
                self._timer = threading.Timer(self._since + WINDOW_SECONDS - now, self._late, [run])
                self._timer.daemon = True
                self._timer.start()

    def finish(self, run: Run) -> None:
        """Send what is left of a run that is over."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._send(run)

    def _late(self, run: Run) -> None:
        with self._lock:
            self._timer = None
            self._send(run)

    def _send(self, run: Run) -> None:
        """Send each thing by itself: a message so short is there as a whole, or not at all."""
        told = run.take()
        if told is None:
            return
        with suppress(OSError):  # nobody listens any more, and this process is about to be killed
            for each in (*told.lines, *filter(None, [told.progress])):
                self._pipe.send_bytes(packed(each))


def heard(pipe: Connection) -> Iterator[Progress | LogLine]:
    """Yield what has come from the child so far, without waiting for more."""
    with suppress(EOFError, OSError):  # it has gone
        while pipe.poll():
            told = unpickled(pipe.recv_bytes())
            if isinstance(told, Progress | LogLine):
                yield told
