"""What a worker and its supervisor say to each other, over a socket between the two."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress

logger = logging.getLogger(__name__)

READY = b"r"
LEAVING = b"l"  # this worker takes no more jobs, and another should
ASK = b"a"  # to drain; the second time, to stop at once


class Line:
    """The line of a worker that nobody supervises."""

    def listen(self, ask: Callable[[str], None]) -> None:
        """Call `ask` with who asks, on the running loop, each time that the worker should end."""

    def say(self, word: bytes) -> None:
        """Tell the supervisor."""

    def close(self) -> None:
        """Say and hear no more. On the loop that listens."""


UNSUPERVISED = Line()


class SupervisorLine(Line):
    """A worker's end of the line; `handle` is the socket that the supervisor passed on."""

    def __init__(self, handle: int) -> None:
        os.set_inheritable(handle, False)
        self._socket = socket.socket(fileno=handle)
        self._socket.setblocking(False)

    def listen(self, ask: Callable[[str], None]) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._hear, ask)

    def say(self, word: bytes) -> None:
        with suppress(OSError):  # it has gone, which is about to be heard
            self._socket.send(word)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _hear(self, ask: Callable[[str], None]) -> None:
        try:
            words = self._socket.recv(100)
        except BlockingIOError:
            return
        except OSError:
            words = b""
        for _ in words:
            ask("the supervisor")
        if not words:
            asyncio.get_running_loop().remove_reader(self._socket)
            ask("the end of the line")
            logger.warning("The supervisor has gone. This worker drains and ends.")
