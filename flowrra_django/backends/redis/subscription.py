"""Hearing from Redis: a subscription on a connection of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress

import redis

from ..listening import LOOK_SECONDS, ListeningThread
from .server import RedisServer


class Subscription(ListeningThread):
    """Calls back, on a thread of its own, with what is published on a channel.

    It calls back with "" whenever it begins to listen, since something may have been missed.
    """

    losses = (redis.RedisError, OSError)

    def __init__(self, server: RedisServer, channel: str, heard: Callable[[str], None]) -> None:
        self._server = server
        self._channel = f"{server.base}{channel}"
        self._end = f"{server.base}end:{uuid.uuid4().hex}"
        self._heard = heard
        super().__init__()

    def close(self) -> None:
        """Listen no longer; that is heard at once, if Redis is there."""
        self._is_over.set()
        with suppress(redis.RedisError):
            self._server.client.publish(self._end, "")
        super().close()

    def listen(self) -> None:
        with self._server.own_client() as client, client.pubsub() as channel:
            channel.subscribe(self._channel, self._end)
            while not self._is_over.is_set():
                message = channel.get_message(timeout=LOOK_SECONDS)
                if message is not None and not self._is_over.is_set():
                    self._heard(message["data"] if message["type"] == "message" else "")
