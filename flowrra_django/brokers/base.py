"""The contract of an index of waiting jobs. Methods are sync, and may be called from any thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, NamedTuple, Self

from ..backends.answers import Entry
from ..backends.base import BaseBackend
from ..backends.listening import Listener
from ..config import StoreConfig
from ..job import Job, Lane, all_lanes


class Taken(NamedTuple):
    """Jobs that a worker now holds, in the order to run them.

    `next_due` is in how many seconds the next delayed job of the lanes is due; None if there is
    none, or if there may be more to take at once.
    """

    jobs: list[Job]
    next_due: float | None


class Turn(NamedTuple):
    """When the jobs of a lane come: the first at `start`, and each next one `step` later.

    Times are of no unit, and of one take alone. What comes at the same time comes by priority.
    """

    start: float = 0.0
    step: float = 0.0


Turns = Mapping[Lane, Turn]
ALL_AT_ONCE: Turns = MappingProxyType({})


class BaseBroker(ABC):
    """Knows which of a ledger's jobs wait, in which order, and wakes who waits for them.

    Order within what is due: lower priority number first, then first come first served.
    """

    is_swept: ClassVar[bool] = False
    """Whether the index may lack what the ledger has, so that workers have to call `sweep`."""

    def __init__(self, ledger: BaseBackend) -> None:
        self.ledger = ledger
        self._subscribers: list[Callable[[], None]] = []

    @property
    def poll_seconds(self) -> float | None:
        """How often to ask `changed` where nothing listens; None if the broker rings by itself."""
        return None

    @classmethod
    @abstractmethod
    def from_config(cls, config: StoreConfig, ledger: BaseBackend) -> Self:
        """Return the index that a config names, over a ledger."""

    @abstractmethod
    def push(self, entries: Sequence[Entry]) -> None:
        """Learn of jobs that wait. An entry pushed twice counts once."""

    @abstractmethod
    def take(
        self, worker_id: str, lanes: Collection[Lane], limit: int, turns: Turns = ALL_AT_ONCE
    ) -> Taken:
        """Claim up to `limit` of what is due on the lanes, the first of all lanes first.

        Which those are is by the turns, if there are any: then each of the lanes has one.
        """

    @abstractmethod
    def fronts(self, lanes: Collection[Lane]) -> list[str]:
        """Return of each lane and priority the first job that is due: ids, in no order.

        Of a lane with more than MOST_FRONTS priorities they are those of the least urgent.
        """

    @abstractmethod
    def forget(self, task_ids: Collection[str]) -> None:
        """Drop jobs that wait no longer."""

    @abstractmethod
    def depth(self, lanes: Collection[Lane], limit: int) -> int:
        """Count the jobs that wait on the lanes, delayed ones too, up to `limit`."""

    def depths(self, queues: Collection[str], limit: int) -> dict[str, int]:
        """Count the same of each of some queues, up to `limit` of each."""
        return {queue: self.depth(all_lanes([queue]), limit) for queue in queues}

    def sweep(self, age: float) -> bool:
        """Tell the index of a batch of jobs that it may lack; return whether there may be more.

        A job that was recorded within the last `age` seconds may still be on its way.
        """
        return False

    def changed(self) -> bool:
        """Whether jobs may have come since the last call. Called on one thread only."""
        return False

    def listen(self, heard: Callable[[], None]) -> Listener | None:
        """Have `heard` called when another process may be writing; None if nothing can tell.

        It is a hint, after which `changed` is asked: it may come early, for nothing, or never.
        """
        return None

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

    def is_busy(self, error: Exception) -> bool:
        """Whether the error says that somebody else writes just now; nothing is wrong then."""
        return False

    def is_outage(self, error: Exception) -> bool:
        """Whether the error says that the index is away, and a later try may do."""
        return False

    def close(self) -> None:
        """Let go of what the calling thread holds open."""
