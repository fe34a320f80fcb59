"""Between a worker and its children: they outlive its signals, and never its death."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Protocol
from weakref import WeakSet

if sys.platform == "linux":
    import fcntl

SHIELDED = (signal.SIGINT, signal.SIGTERM)


class Closable(Protocol):
    def close(self) -> None: ...


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Start processes within this that are deaf to SHIELDED until they `enter`.

    A blocked signal stays blocked through exec and fork, so there is no moment, not even while
    the interpreter boots, in which one could kill the process or print a traceback.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # it unblocks these signals when it has to start itself
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SHIELDED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def enter(lifeline: Connection) -> None:
    """Make this process a child that ends when the other end of the lifeline is closed.

    It gets a session of its own: what is sent to the worker's group, or to its terminal, reaches
    neither the child nor the programs that its jobs start; and they can be killed together.
    """
    for number in SHIELDED:
        # Not SIG_IGN: programs that a job starts would inherit it, and terminate() be in vain.
        signal.signal(number, _do_nothing)
    if sys.platform != "win32":
        os.setsid()
        for number in SHIELDED:
            signal.siginterrupt(number, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SHIELDED)
    end_with(lifeline)


def end_with(lifeline: Connection) -> None:
    """Have this process and its group killed when the other end of the lifeline is closed."""
    try:
        end_with_by_kernel(lifeline)
    except OSError:
        end_with_by_thread(lifeline)


def end_with_by_kernel(lifeline: Connection) -> None:
    """Have the kernel send SIGKILL. Raises OSError where it cannot.

    A thread would have to wait for the GIL, which a long call into C may hold for minutes, and
    would make it unsafe for a job to fork.
    """
    if sys.platform != "linux":
        raise OSError("Only Linux sends a signal of choice when a pipe is closed.")
    handle = lifeline.fileno()
    fcntl.fcntl(handle, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) | os.O_ASYNC)
    if lifeline.poll():  # it was closed before the kernel was asked
        _end_now()


def end_with_by_thread(lifeline: Connection) -> None:
    """Have a thread do it, as well as a thread can."""

    def watch() -> None:
        lifeline.poll(None)
        _end_now()

    threading.Thread(target=watch, name="flowrra-lifeline", daemon=True).start()


def kill_group(pid: int) -> None:
    """Kill the session of a child that has entered: it, and what its jobs started."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def wait_until_gone(pid: int, timeout_seconds: float) -> None:
    """Wait for the end of a process whose end nobody reports. At once where there is no pidfd."""
    if sys.platform == "linux":
        with suppress(OSError):
            handle = os.pidfd_open(pid)
            connection.wait([handle], timeout_seconds)
            os.close(handle)


def close_in_forks(held: Closable) -> None:
    """Close this in every fork of this process, which would keep it open beyond our own end."""
    _held.add(held)


_held: WeakSet[Closable] = WeakSet()


def _close_held() -> None:
    for held in list(_held):
        held.close()


def _end_now() -> None:
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _do_nothing(*_: Any) -> None:
    pass


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_held)
