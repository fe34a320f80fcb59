"""A worker's writes beside an open transaction that has some of its jobs locked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..backends.base import BaseBackend
from ..reports import Report
from ..retry import Release, Settlement

Item = TypeVar("Item", Settlement, Release, Report)
Answer = TypeVar("Answer")


class Locks:
    """Writes what is free, and tells what is not: one job that is locked is to hold up no other.

    What was locked is not waited for again; it is looked up whether it still is.
    """

    def __init__(self, backend: BaseBackend) -> None:
        self._backend = backend
        self._suspects: set[str] = set()

    def write(
        self, write: Callable[[str, Sequence[Item]], Answer], worker_id: str, items: Sequence[Item]
    ) -> tuple[Answer, set[str]]:
        """Write; return the answer, and the ids of the jobs that were left out as locked.

        Raises what `write` does, but for a busy store where that is a matter of single jobs.
        """
        locked = self._suspected(items)
        free = _without(items, locked)
        try:
            answer = write(worker_id, free)
        except Exception as error:
            if not self._backend.is_busy(error):
                raise
            found = self._backend.locked([item.job for item in free])
            if not found:
                raise
            self._suspects |= found
            locked, free = locked | found, _without(free, found)
            answer = write(worker_id, free)
        self._suspects.difference_update(item.job.task_id for item in free)
        return answer, locked

    def _suspected(self, items: Sequence[Item]) -> set[str]:
        """Return the ids of those that were locked and still are."""
        jobs = [item.job for item in items if item.job.task_id in self._suspects]
        return self._backend.locked(jobs) if jobs else set()


def _without(items: Sequence[Item], locked: set[str]) -> list[Item]:
    return [item for item in items if item.job.task_id not in locked]
