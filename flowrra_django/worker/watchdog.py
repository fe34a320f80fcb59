"""The watchdog: a worker that has seized up must not look alive."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

EXIT_CODE = 70  # EX_SOFTWARE
CHECKS_PER_TIMEOUT = 10

Sign = Callable[[], float]


class Watchdog:
    """Ends the process when a part of it gives no sign of life for `timeout` seconds.

    A sign is a function that returns when its part was last seen alive, in `time.monotonic()`.
    The stacks of all threads go to stderr first; the jobs are left to rescue.
    """

    def __init__(self, timeout: float, signs: Mapping[str, Sign]) -> None:
        self._timeout = timeout
        self._signs = signs
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="flowrra-watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(self._timeout / CHECKS_PER_TIMEOUT):
            now = time.monotonic()
            silent = [part for part, sign in self._signs.items() if now - sign() > self._timeout]
            if silent:
                self._end(silent[0])

    def _end(self, part: str) -> None:
        logger.critical(
            "%s has been silent for %g s. The stacks follow; this worker ends, and its jobs are "
            "left to another.",
            part,
            self._timeout,
        )
        faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
        os._exit(EXIT_CODE)
