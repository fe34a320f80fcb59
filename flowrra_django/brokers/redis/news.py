"""Hearing of jobs that other processes bring."""

from __future__ import annotations

from ...backends.redis.server import RedisServer
from ...backends.redis.subscription import Subscription
from ..base import Heard
from ..hearing import kinds_from

POLL_SECONDS = 0.25  # where nothing is heard


class News:
    """Tells of jobs that other processes have brought, as far as that is heard."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._listener: Subscription | None = None

    def changed(self) -> bool:
        """Whether there may be news that nobody listens for."""
        return self._listener is None or not self._listener.is_alive()

    def listen(self, heard: Heard) -> Subscription:
        """Have `heard` called when there may be news."""
        self._listener = Subscription(self._server, "wake", lambda told: heard(kinds_from(told)))
        return self._listener
