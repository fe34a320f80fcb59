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
    """Whether a store, or `what` else, is known to be away, told once."""

    def __init__(self, what: str = "The store") -> None:
        self._what = what
        self._since: float | None = None

    def begin(self, error: Exception) -> None:
        if self._since is None:
            self._since = time.monotonic()
            told = str(error) or repr(error)
            logger.warning("%s does not answer (%s). Trying again until it does.", self._what, told)

    def end(self, asked_at: float) -> bool:
        """Take note of an answer to what was asked at a monotonic time; say whether that ends it.

        What was asked before the outage may be answered while it lasts.
        """
        if self._since is None or asked_at < self._since:
            return False
        seconds, self._since = time.monotonic() - self._since, None
        logger.warning("%s answers again, after %.1f s.", self._what, seconds)
        return True


def delays() -> Iterator[float]:
    """Yield how long to wait before each next try, in seconds: longer and longer, with jitter."""
    delay = FIRST_DELAY
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        delay = min(delay * 2, LONGEST_DELAY)
