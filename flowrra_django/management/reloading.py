"""A worker that starts anew when the code changes, for development."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable

from django.utils import autoreload

from ..worker.process import Worker

GIVE_BACK_SECONDS = 10.0


class Reloading:
    """Runs a worker under Django's autoreloader, which keeps the main thread to itself.

    Before the process ends, for a change of the code or a signal, the worker gives back what it
    has not finished, at no cost.
    """

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._is_over = threading.Event()

    def watch(self, worker: Worker) -> None:
        """Note the worker that this process runs now."""
        self._worker = worker

    def run(self, work: Callable[[], None]) -> None:
        """Call `work` on a thread, in one process after another."""
        try:
            autoreload.run_with_reloader(self._until_over, work)
        finally:
            self._give_back()

    def _until_over(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._is_over.set()

    def _give_back(self) -> None:
        if self._worker is None:  # the parent, which only starts the others
            return
        for _ in range(2):  # drain, and at once
            self._worker.ending.ask_from_outside()
        self._is_over.wait(GIVE_BACK_SECONDS)
        ending = sys.exception()
        code = ending.code if isinstance(ending, SystemExit) else 0
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 1)  # threads of jobs would hold up a plain exit
