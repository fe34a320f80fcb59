"""Jobs that are claimed shortly before there is a slot for them."""

from __future__ import annotations

import time
from typing import NamedTuple

from ..job import Job
from .taking import Hold, hold_on

AHEAD_SECONDS = 0.025  # of work: a claim takes a few milliseconds
MOST_AHEAD = 200
RATE_SECONDS = 0.1
PATIENCE_SECONDS = 0.25


class Claimed(NamedTuple):
    """A job that waits for a slot, the worker id that it was claimed under, and since when."""

    job: Job
    worker_id: str
    since: float


class Prefetch:
    """Keeps as many jobs ready as begin soon, at the rate at which jobs have just ended.

    Where jobs are short, a slot that is free would else wait for the store each time. Where they
    are long, none is claimed ahead, so that others can have them; and what waits for longer than
    PATIENCE_SECONDS nevertheless, since those before it take longer, is to be given back.
    """

    def __init__(self, most: int = MOST_AHEAD) -> None:
        self._most = most
        self._claimed: dict[Hold, Claimed] = {}
        self._ended = 0
        self._counted_since = time.monotonic()
        self._wanted = 0

    def __len__(self) -> int:
        return len(self._claimed)

    def room(self) -> int:
        """Return how many jobs to claim ahead: none until half of those that were are gone."""
        now = time.monotonic()
        seconds = now - self._counted_since
        if seconds >= RATE_SECONDS:
            self._wanted = min(self._most, int(self._ended / seconds * AHEAD_SECONDS))
            self._ended, self._counted_since = 0, now
        ahead = len(self._claimed)
        return self._wanted - ahead if ahead <= self._wanted // 2 else 0

    def note_end(self) -> None:
        self._ended += 1

    def put(self, job: Job, worker_id: str) -> None:
        self._claimed[hold_on(job)] = Claimed(job, worker_id, time.monotonic())

    def next(self) -> Claimed | None:
        """Take out what came first."""
        return self.remove(next(iter(self._claimed))) if self._claimed else None

    def remove(self, hold: Hold) -> Claimed | None:
        return self._claimed.pop(hold, None)

    def remove_all(self) -> list[Claimed]:
        claimed, self._claimed = list(self._claimed.values()), {}
        return claimed

    def seconds_of_patience(self) -> float | None:
        """Return in how many seconds the first one will have waited too long; None for never."""
        first = next(iter(self._claimed.values()), None)
        return first and first.since + PATIENCE_SECONDS - time.monotonic()
