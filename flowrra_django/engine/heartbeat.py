"""The heartbeat: a thread with a connection of its own renews the worker's row.

In between it looks which jobs are to be cancelled, and whether the worker is to end.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from .cancelling import Stopper
from .outage import delays
from .presence import Presence
from .stores import Stores

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
RETRIES = 5  # at least, of a beat that fails, in the time between two
LOOK_SECONDS = 0.5


class Heartbeat:
    """Beats every `interval` seconds, whatever the event loop and the store's thread do.

    Twice a second it has `stopper` look what the worker is asked to do.
    """

    def __init__(
        self,
        stores: Stores,
        presence: Presence,
        interval: float,
        stopper: Stopper | None = None,
    ) -> None:
        self._stores = stores
        self._presence = presence
        self.stopper = stopper or Stopper(stores, presence)
        self.interval = interval
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
        now, gap = time.monotonic(), 2 * self.interval
        return now - self._last < gap and now - self._steady_since >= gap

    def _work(self) -> None:
        next_beat, retries, is_well = time.monotonic() + self.interval, delays(), True
        while not self._is_over.wait(self._pause(next_beat)):
            if time.monotonic() >= next_beat:
                is_well = self._beat()
                retries = delays() if is_well else retries
                retry = min(next(retries), RETRY_SECONDS, self.interval / RETRIES)
                next_beat = time.monotonic() + (self.interval if is_well else retry)
            if is_well:  # else each look might cost the connection that the next beat needs
                self._try(self.stopper.look)
        self._stores.backend.close()

    def _pause(self, next_beat: float) -> float:
        return min(LOOK_SECONDS, max(0.0, next_beat - time.monotonic()))

    def _try(self, look: Callable[[], None]) -> None:
        try:
            look()
        except Exception as error:
            if not self._stores.may_pass(error):
                logger.exception("What is asked of the worker is not known; it is tried again.")

    def _beat(self) -> bool:
        try:
            self._presence.beat()
        except Exception as error:
            if not self._stores.may_pass(error):
                logger.exception("The heartbeat failed; it is tried again.")
            return False
        now = time.monotonic()
        if now - self._last >= 2 * self.interval:
            self._steady_since = now
        self._last = now
        return True
