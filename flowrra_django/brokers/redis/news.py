"""Hearing of jobs that other processes bring."""

from __future__ import annotations

from collections.abc import Callable

from ...backends.redis.server import RedisServer
from ...backends.redis.subscription import Subscription

POLL_SECONDS = 0.25  # where nothing is heard


class News:
    """Whether other processes have brought jobs, as far as that has been heard."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._listener: Subscription | None = None
        self._is_told = False

    def changed(self) -> bool:
        """Whether there may be news; where nothing listens, there may always be."""
        is_told, self._is_told = self._is_told, False
        return is_told or self._listener is None or not self._listener.is_alive()

    def listen(self, heard: Callable[[], None]) -> Subscription:
        """Have `heard` called when there may be news."""

        def note(_: str) -> None:
            self._is_told = True
            heard()

        self._listener = Subscription(self._server, "wake", note)
        return self._listener
