"""When a broker is asked whether another process has changed it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ..brokers.base import BaseBroker, Kinds
from .listening import Listening

logger = logging.getLogger(__name__)

SOONEST = 0.001
TRUTH_SECONDS = 1.0
BLIND_LIMIT = 3


class Bell:
    """A broker's poller: rings the broker's subscribers when another process has changed it.

    Where the broker has a listener, what that hears rings at once. If it can be heard before it is
    committed, it is only a hint: the broker is asked very soon, and again after twice as long each
    time. A listener that misses changes again and again is not relied upon any longer.
    """

    def __init__(self, broker: BaseBroker) -> None:
        self._broker = broker
        self._listening = Listening(lambda: broker.listen(self._hear))
        self._nudge: Callable[[], None] = lambda: None
        self._next_poll = 0.0
        self._wait = SOONEST
        self._has_heard = False
        self._unheard = 0

    def hang(self, nudge: Callable[[], None]) -> None:
        """Say what makes the polling thread ask `seconds_until_poll` again."""
        self._nudge = nudge

    def seconds_until_poll(self) -> float | None:
        if self._broker.poll_seconds is None or not self._broker.has_subscribers:
            return None
        return self._next_poll - time.monotonic()

    def poll(self) -> None:
        try:
            is_news = self._broker.changed()
        finally:
            self._next_poll = time.monotonic() + self._pace()
        if is_news:
            self._judge()
            self._broker.ring()

    def close(self) -> None:
        """Listen no longer, until the next poll."""
        self._listening.close()

    def _pace(self) -> float:
        """Return how long to wait until the next look."""
        if self._unheard < BLIND_LIMIT and self._listening.is_on():
            wait, self._wait = self._wait, min(self._wait * 2, TRUTH_SECONDS)
            return wait
        return self._broker.poll_seconds or TRUTH_SECONDS

    def _hear(self, kinds: Kinds) -> None:
        """Ring, or look soon. On the listener's thread."""
        self._has_heard = True
        if not self._broker.hears_early:
            self._broker.ring(kinds)
            return
        self._wait = SOONEST * 2
        self._next_poll = time.monotonic() + SOONEST
        self._nudge()

    def _judge(self) -> None:
        """Count the changes that nothing was heard of."""
        self._unheard = 0 if self._has_heard else self._unheard + 1
        self._has_heard = False
        if self._unheard == BLIND_LIMIT:
            logger.info("Writes of other processes are not heard of here; polling instead.")
            self.close()
