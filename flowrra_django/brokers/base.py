"""The contract of an index of waiting jobs. Methods are sync, and may be called from any thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Self

from ..backends.base import BaseBackend, Entry
from ..config import StoreConfig
from ..job import Job, Lane


class Taken(NamedTuple):
    """Jobs that a worker now holds, in the order to run them.

    `next_due` is in how many seconds the next delayed job of the lanes is due; None if there is
    none, or if there may be more to take at once.
    """

    jobs: list[Job]
    next_due: float | None


class BaseBroker(ABC):
    """Knows which of a ledger's jobs wait, in which order, and wakes who waits for them.

    Order within what is due: lower priority number first, then first come first served.
    """

    poll_seconds: float | None = None
    """How often `changed` has to be asked; None if the broker rings by itself."""

    def __init__(self, ledger: BaseBackend) -> None:
        self.ledger = ledger
        self._subscribers: list[Callable[[], None]] = []

    @classmethod
    @abstractmethod
    def from_config(cls, config: StoreConfig, ledger: BaseBackend) -> Self:
        """Return the index that a config names, over a ledger."""

    @abstractmethod
    def push(self, entries: Sequence[Entry]) -> None:
        """Learn of jobs that wait. An entry pushed twice counts once."""

    @abstractmethod
    def take(self, worker_id: str, lanes: Collection[Lane], limit: int) -> Taken:
        """Claim up to `limit` of what is due on the lanes, the first of all lanes first."""

    @abstractmethod
    def forget(self, task_ids: Collection[str]) -> None:
        """Drop jobs that wait no longer."""

    @abstractmethod
    def depth(self, lanes: Collection[Lane], limit: int) -> int:
        """Count the jobs that wait on the lanes, delayed ones too, up to `limit`."""

    def changed(self) -> bool:
        """Whether jobs may have come since the last call. Called on one thread only."""
        return False

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back, on any thread, when there may be something to take; return what ends it."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    @property
    def has_subscribers(self) -> bool:
        return bool(self._subscribers)

    def ring(self) -> None:
        """Wake every subscriber."""
        for callback in tuple(self._subscribers):
            callback()

    def close(self) -> None:
        """Let go of what the calling thread holds open."""
