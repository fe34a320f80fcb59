"""Where the lanes of a database begin, for as long as it would cost too much to look again."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import NamedTuple

from ...backends.database.engine import NO_FRONTS, Fronts
from ...job import Lane

LONG_SECONDS = 0.005  # some 50,000 dead entries in an index of PostgreSQL
REST = 4  # times as long as a look took
MOST_SECONDS = 0.25
STALE_SECONDS = 10.0


class _Known(NamedTuple):
    fronts: Fronts
    until: float


class Looks:
    """Remembers what a look found if that took long twice in a row, for four times as long.

    Meanwhile jobs are taken from there on. What comes before, being urgent or there again, waits
    for the next look.
    """

    def __init__(self) -> None:
        self._known: dict[frozenset[Lane], _Known] = {}

    def fronts(self, lanes: Collection[Lane]) -> Fronts:
        """Return where these lanes begin; nothing if one has to look."""
        known = self._known.get(frozenset(lanes))
        return known.fronts if known and time.monotonic() < known.until else NO_FRONTS

    def note(self, lanes: Collection[Lane], fronts: Fronts, seconds: float) -> None:
        """Take note of a look at these lanes, which took so many seconds."""
        now, key = time.monotonic(), frozenset(lanes)
        fresh = {k: known for k, known in self._known.items() if known.until > now - STALE_SECONDS}
        was_long = fresh.pop(key, None) is not None
        if seconds >= LONG_SECONDS:
            rest = min(REST * seconds, MOST_SECONDS) if was_long else 0.0
            fresh[key] = _Known(fronts, now + rest)
        self._known = fresh

    def forget(self, lanes: Collection[Lane]) -> None:
        """Have the next one look."""
        self._known.pop(frozenset(lanes), None)
