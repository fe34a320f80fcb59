"""The heartbeat: a thread with a connection of its own renews the worker's row."""

from __future__ import annotations

import logging
import threading
import time

from .presence import Presence
from .stores import Stores

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


class Heartbeat:
    """Beats every `interval` seconds, whatever the event loop and the store's thread do."""

    def __init__(self, stores: Stores, presence: Presence, interval: float) -> None:
        self._stores = stores
        self._presence = presence
        self._interval = interval
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flowrra-heartbeat", daemon=True)
        self._last = self._steady_since = time.monotonic()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def seen_alive(self) -> float:
        """Return when the thread was last seen at work, by the monotonic clock."""
        return time.monotonic() if self._thread.is_alive() else self._last

    @property
    def is_steady(self) -> bool:
        """Whether the last few beats came on time.

        Else the ledger could not be written to, by this worker nor perhaps by any other, and
        nobody's silence means anything.
        """
        now, gap = time.monotonic(), 2 * self._interval
        return now - self._last < gap and now - self._steady_since >= gap

    def _work(self) -> None:
        pause = self._interval
        while not self._is_over.wait(pause):
            pause = self._interval if self._beat() else min(self._interval, RETRY_SECONDS)
        self._stores.backend.close()

    def _beat(self) -> bool:
        try:
            self._presence.beat()
        except Exception as error:
            if not self._stores.may_pass(error):
                logger.exception("The heartbeat failed; it is tried again.")
            return False
        now = time.monotonic()
        if now - self._last >= 2 * self._interval:
            self._steady_since = now
        self._last = now
        return True
