"""What minutes of work came to, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock

from ..tally import Minute, added
from .base import BaseBackend


class MemoryMinutes(BaseBackend):
    """The part of the ledger in memory that keeps figures."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[datetime, str], Minute] = {}
        self._minutes_lock = Lock()

    def add_minutes(self, minutes: Sequence[Minute]) -> None:
        with self._minutes_lock:
            for new in minutes:
                key = new.minute, new.queue
                known = self._minutes.get(key)
                self._minutes[key] = added(known, new) if known else new

    def minutes(self, since: datetime) -> list[Minute]:
        with self._minutes_lock:
            return [self._minutes[key] for key in sorted(self._minutes) if key[0] >= since]

    def prune_minutes(self, older_than: float) -> None:
        oldest = datetime.now(UTC) - timedelta(seconds=older_than)
        with self._minutes_lock:
            for key in [key for key in self._minutes if key[0] < oldest]:
                del self._minutes[key]
