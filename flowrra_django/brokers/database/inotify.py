"""Hearing of writes to files from the kernel: inotify, which Linux has and Python does not wrap."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

IN_MODIFY = 0x2
IN_IGNORED = 0x8000  # the file is gone, and its watch with it
EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of a name: none, for a watched file
EVENTS_AT_ONCE = 4096 * EVENT.size
PAUSE = 0.005  # a writer that never rests is heard of no more often than this, in seconds

File = int | socket.socket


class FileWatch:
    """Calls back, on a thread of its own, while one of the files is written to.

    The call comes with the write, which may be before its transaction is committed. The thread
    ends once one of the files is no more, and leaves nothing open then.
    """

    def __init__(self, paths: Iterable[Path], heard: Callable[[], None]) -> None:
        """Watch those of the paths that exist; OSError if the kernel cannot."""
        self._heard = heard
        self._events = _watch(path for path in paths if path.exists())
        self._end, self._ender = socket.socketpair()
        self._thread = threading.Thread(target=self._listen, name="flowrra-watch", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread, which lets go of what it watches."""
        if not self.is_alive():  # as in a fork, which must not end that of its parent
            return
        with suppress(OSError):  # it ends by itself just now
            self._ender.shutdown(socket.SHUT_RDWR)  # is heard even if a fork has it open too
        self._thread.join()

    def _listen(self) -> None:
        try:
            is_watching = True
            while is_watching and self._end not in self._readable(self._events, self._end):
                is_watching = self._read_events()
                self._heard()
                self._readable(self._end, seconds=PAUSE)
        finally:
            os.close(self._events)
            self._end.close()
            self._ender.close()

    def _readable(self, *files: File, seconds: float | None = None) -> list[Any]:
        return wait(files, seconds)  # and not `select`, which ends at the thousandth open file

    def _read_events(self) -> bool:
        """Take what has come; return whether there is still all to watch."""
        events = EVENT.iter_unpack(os.read(self._events, EVENTS_AT_ONCE))
        return not any(mask & IN_IGNORED for _, mask, _, _ in events)


def watch_files(paths: Iterable[Path], heard: Callable[[], None]) -> FileWatch | None:
    """Return a watch; None where there is no inotify, or no more of it to be had."""
    if sys.platform != "linux":
        return None
    with suppress(OSError):
        return FileWatch(paths, heard)
    return None


def _watch(paths: Iterable[Path]) -> int:
    """Return a file descriptor that can be read once one of the files has been written to."""
    libc = ctypes.CDLL(None, use_errno=True)
    events = _checked(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    try:
        for path in paths:
            _checked(libc.inotify_add_watch(events, os.fsencode(path), IN_MODIFY))
    except OSError:
        os.close(events)
        raise
    return events


def _checked(returned: int) -> int:
    if returned < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return returned
