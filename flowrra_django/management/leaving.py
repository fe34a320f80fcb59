"""How the process of a worker ends when something in it does not."""

from __future__ import annotations

import logging
import os
import sys
import threading

from ..runners.thread import THREAD_PREFIX
from ..worker.ending import Ending
from ..worker.watchdog import EXIT_CODE

logger = logging.getLogger(__name__)

LAST_SECONDS = 5.0


def ask(ending: Ending) -> None:
    """Have a worker end. If it was told so before, it has a moment, whatever its store does."""
    ending.ask()
    if ending.stop.is_set():
        last = threading.Timer(LAST_SECONDS, end_unfinished)
        last.daemon = True
        last.start()


def end_unfinished() -> None:
    """End the process now: a store that does not answer keeps its threads."""
    logger.error(
        "The store has not answered for %g s; this worker ends, and its jobs are left for rescue.",
        LAST_SECONDS,
    )
    end(EXIT_CODE)


def leave() -> None:
    """End the process, even if threads still run jobs: those were given back."""
    left = [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_PREFIX)]
    if not any(thread.is_alive() for thread in left):
        return
    end(0)


def end(code: int) -> None:
    """Exit without waiting for any thread."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
