"""Patience with a store that is away: one line when it goes, one when it is back."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator

logger = logging.getLogger(__name__)

FIRST_DELAY = 0.05
LONGEST_DELAY = 5.0


class Outage:
    """Whether the store is known to be away, told once."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self, error: Exception) -> None:
        if self._since is None:
            self._since = time.monotonic()
            logger.warning("The store does not answer (%s). Trying again until it does.", error)

    def end(self) -> None:
        if self._since is not None:
            seconds, self._since = time.monotonic() - self._since, None
            logger.warning("The store answers again, after %.1f s.", seconds)


def delays() -> Iterator[float]:
    """Yield how long to wait before each next try, in seconds: longer and longer, with jitter."""
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        delay = min(delay * 2, LONGEST_DELAY)
