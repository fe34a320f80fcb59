"""A worker's presence in the ledger: its row is its licence to claim jobs."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..backends.answers import Vitals, WorkerInfo
from ..backends.base import BaseBackend

logger = logging.getLogger(__name__)


class Presence:
    """Who this process is to the ledger. A worker that was given up for dead comes back as new."""

    def __init__(
        self, ledger: BaseBackend, info: WorkerInfo, abandoned: Callable[[], int] = int
    ) -> None:
        self._ledger = ledger
        self.info = info
        self._abandoned = abandoned
        self._is_enlisted = False

    @property
    def worker_id(self) -> str:
        return self.info.worker_id

    def enlist(self) -> None:
        self._ledger.enlist(self.info)
        self._is_enlisted = True

    def dismiss(self) -> None:
        """Go; does nothing if the ledger has never heard of this worker."""
        if self._is_enlisted:
            self._ledger.dismiss(self.worker_id)

    def beat(self) -> None:
        """Renew the heartbeat, under a new id if the ledger has given this worker up."""
        if self._ledger.beat(self.worker_id, Vitals(memory_in_use(), self._abandoned())):
            return
        lost, self.info = self.worker_id, replace(self.info, worker_id=new_worker_id())
        self.enlist()
        logger.warning(
            "Worker %s was given up for dead and its jobs to others; it goes on as %s.",
            lost,
            self.worker_id,
        )


def memory_in_use() -> int | None:
    """Return how many bytes of memory this process takes up; None where the system does not tell.

    The children that run CPU-bound jobs are not counted.
    """
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def new_worker_id() -> str:
    return uuid.uuid4().hex


def describe_process(pid: int | None = None) -> str:
    """Name a process so that no later one on the same host has the same name; "" if it is gone.

    The name holds the boot, the pid namespace, the pid and the moment of its start. It is "" too
    where the system does not tell.
    """
    try:
        return _described(os.getpid() if pid is None else pid)
    except OSError:
        return ""


def _described(pid: int) -> str:
    """Name a process; "" if it has ended, OSError where it is not shown."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    namespace = os.readlink("/proc/self/ns/pid")
    state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    if state in "ZX":
        return ""
    return " ".join((boot, namespace, str(pid), fields[18]))


def is_process_gone(name: str) -> bool:
    """Whether a process that was so named has ended; False if that cannot be known from here."""
    here = describe_process().split()
    parts = name.split()
    if not here or len(parts) != len(here) or parts[:2] != here[:2]:
        return False
    pid = int(parts[2])
    try:
        return _described(pid) != name
    except OSError:
        return not _is_there(pid)


def _is_there(pid: int) -> bool:
    """Whether there is a process, even one that /proc hides (`hidepid`, `ProtectProc`)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True
