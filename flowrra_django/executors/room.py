"""Room in the queue."""

from __future__ import annotations

from collections.abc import Collection

from ..engine.stores import Stores
from ..job import Lane

SHARE = 10  # of the room that there was: so much is used before it is looked at again


class Room:
    """Lets a queue become `limit` jobs long; with others who fill a shared one, little longer."""

    def __init__(self, stores: Stores, limit: int) -> None:
        self._stores = stores
        self._limit = limit
        self._places = 0

    async def take(self, lanes: Collection[Lane]) -> bool:
        """Take a place; False if there is none just now."""
        if self._places <= 0:
            depth = await self._stores.run(self._stores.broker.depth, lanes, self._limit)
            self._places = self._worth(self._limit - depth)
        self._places -= 1
        return self._places >= 0

    def _worth(self, room: int) -> int:
        """Ask memory before each job; to ask a database would take longer than to write it."""
        return -(-room // SHARE) if self._stores.backend.is_shared else min(room, 1)
