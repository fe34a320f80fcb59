"""The heartbeat: a thread with a connection of its own renews the worker's row."""

from __future__ import annotations

import logging
import threading
import time

from .outage import Outage
from .presence import Presence
from .stores import Stores

logger = logging.getLogger(__name__)


class Heartbeat:
    """Beats every `interval` seconds, whatever the event loop and the store's thread do."""

    def __init__(self, stores: Stores, presence: Presence, interval: float) -> None:
        self._backend = stores.backend
        self._presence = presence
        self._interval = interval
        self._outage = Outage()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="flowrra-heartbeat", daemon=True)
        self.seen_alive = time.monotonic()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._is_over.wait(self._interval):
            try:
                self._presence.beat()
            except Exception as error:
                if not self._backend.is_outage(error):
                    logger.exception("The heartbeat failed; it is tried again.")
                self._outage.begin(error)
            else:
                self._outage.end()
                self.seen_alive = time.monotonic()
        self._backend.close()
