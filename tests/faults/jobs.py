"""The jobs of a harmed site: how they are enqueued, and what the journal and the ledger say."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from . import journal
from .checker import Wanted
from .client import Web


class Jobs:
    """Jobs by their keys, which count up; `wanted` is what is to become of each."""

    folder: Path
    web: Web

    def __init__(self) -> None:
        self.wanted: dict[int, Wanted] = {}
        self.ids: dict[int, str] = {}
        self._keys = count(1)

    def enqueue(
        self,
        task: str,
        number: int = 1,
        seconds: float = 0.0,
        want: Wanted | None = None,
        **options: Any,
    ) -> list[int]:
        """Enqueue so many jobs of a task; return their keys in the journal."""
        keys = self.keys(number)
        ids = self.web.enqueue(task, [[key, seconds] for key in keys], options)
        self.expect(keys, ids, want)
        return keys

    def keys(self, number: int) -> list[int]:
        return [next(self._keys) for _ in range(number)]

    def expect(self, keys: Iterable[int], ids: Iterable[str], want: Wanted | None = None) -> None:
        """Have the checker look for these jobs."""
        for key, task_id in zip(keys, ids, strict=True):
            self.ids[key] = task_id
            self.wanted[key] = want or Wanted()

    def cancel(self, keys: Iterable[int]) -> None:
        self.web.cancel([self.ids[key] for key in keys])

    def runs(self) -> dict[int, list[journal.Run]]:
        return journal.read(self.folder / "journal")

    def started(self, keys: Iterable[int]) -> int:
        runs = self.runs()
        return sum(key in runs for key in keys)

    def ended(self, keys: Iterable[int] | None = None) -> int:
        """Count the jobs, or those of these keys, that have ended at least once."""
        runs = self.runs()
        chosen = runs if keys is None else keys
        return sum(any(run.ended for run in runs.get(key, ())) for key in chosen)

    def going_on(self) -> int:
        """Count the runs that have started and not ended, as those that were cut off do not."""
        return sum(run.ended is None for runs in self.runs().values() for run in runs)

    def states(self, keys: Iterable[int] | None = None) -> dict[int, dict[str, Any]]:
        """Return what the ledger has of the jobs, by their keys."""
        ids = {self.ids[key]: key for key in (self.ids if keys is None else keys)}
        return {ids[task_id]: state for task_id, state in self.web.states(list(ids)).items()}
