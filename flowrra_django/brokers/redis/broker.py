"""The index in the Redis that is the ledger: the ledger's own scripts keep it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Self

from ...backends.answers import Entry
from ...backends.base import BaseBackend
from ...backends.listening import Listener
from ...backends.redis import RedisBackend
from ...config import StoreConfig
from ...exceptions import ConfigurationError
from ...job import Lane
from ..base import ALL_AT_ONCE, BaseBroker, Heard, Taken, Turns
from .news import POLL_SECONDS, News


class RedisBroker(BaseBroker):
    """Takes and claims in one script. What waits is known as soon as it is recorded."""

    ledger: RedisBackend

    def __init__(self, ledger: RedisBackend) -> None:
        super().__init__(ledger)
        self._news = News(ledger.server)

    @property
    def poll_seconds(self) -> float:
        return POLL_SECONDS

    @classmethod
    def from_config(cls, config: StoreConfig, ledger: BaseBackend) -> Self:
        if not isinstance(ledger, RedisBackend):
            raise ConfigurationError("This broker needs the same Redis as its backend.")
        return cls(ledger)

    def push(self, entries: Sequence[Entry]) -> None:
        """Wake this process; the index knows already, and others have been told."""
        self.ring_for(entries)

    def take(
        self, worker_id: str, lanes: Collection[Lane], limit: int, turns: Turns = ALL_AT_ONCE
    ) -> Taken:
        return Taken(*self.ledger.take(worker_id, lanes, limit, turns))

    def fronts(self, lanes: Collection[Lane]) -> list[str]:
        return self.ledger.fronts(lanes)

    def forget(self, task_ids: Collection[str]) -> None:
        """Know it already."""

    def depth(self, lanes: Collection[Lane], limit: int) -> int:
        return min(limit, self.ledger.depth(lanes))

    def changed(self) -> bool:
        return self._news.changed()

    def listen(self, heard: Heard) -> Listener:
        return self._news.listen(heard)
