"""Queues about which something was decided."""

from __future__ import annotations

import redis

from ..base import BaseBackend
from .server import RedisServer


class RedisQueues(BaseBackend):
    """The part of the ledger that keeps the names of the queues that are paused."""

    server: RedisServer

    def pause(self, queue: str) -> None:
        self.paused()  # which makes room, if the key is another program's
        self.server.client.sadd(self._key, queue)

    def resume(self, queue: str) -> None:
        self.paused()
        self.server.client.srem(self._key, queue)

    def paused(self) -> set[str]:
        self.server.check()
        try:
            return {str(name) for name in self.server.client.smembers(self._key)}
        except redis.ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            self.server.client.delete(self._key)
            return set()

    @property
    def _key(self) -> str:
        return f"{self.server.base}paused"
