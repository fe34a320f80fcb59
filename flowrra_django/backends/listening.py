"""Hearing of what other processes write, on threads of one's own."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from typing import Protocol

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5  # how long a listener may take to notice that it is to end
RETRY_SECONDS = 1.0


class Listener(Protocol):
    """A thread that hears of other processes' writes."""

    def is_alive(self) -> bool: ...

    def close(self) -> None: ...


class ListeningThread(ABC):
    """A listener that opens another connection, a moment later, when it has lost one.

    `losses` are the errors that say so.
    """

    losses: tuple[type[Exception], ...]

    def __init__(self) -> None:
        """Begin; so what `listen` needs has to be there before."""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flowrra-listen", daemon=True)
        self._thread.start()

    @abstractmethod
    def listen(self) -> None:
        """Open a connection, and listen until `_is_over` is set."""

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """Listen no longer."""
        self._is_over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._is_over.is_set():
            try:
                self.listen()
            except self.losses as error:
                logger.debug("Nothing is heard from the store (%s); trying again.", error)
                self._is_over.wait(RETRY_SECONDS)
