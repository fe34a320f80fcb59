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
from ..job import Job, Kind, Lane, all_lanes


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


class Swept(NamedTuple):
    """What came of a batch: whether there may be more, and whether the index may well lack it."""

    has_more: bool
    is_urgent: bool = False


Kinds = Collection[Kind]
ANY_KIND: Kinds = ()
"""Said of jobs whose kinds are not known: it may be any."""

Heard = Callable[[Kinds], None]
Turns = Mapping[Lane, Turn]
ALL_AT_ONCE: Turns = MappingProxyType({})


class BaseBroker(ABC):
    """Knows which of a ledger's jobs wait, in which order, and wakes who waits for them.

    Order within what is due: lower priority number first, then first come first served.
    """

    is_swept: ClassVar[bool] = False
    """Whether the index may lack what the ledger has, so that workers have to call `sweep`."""

    hears_early: bool = False
    """Whether what `listen` tells of may not be committed yet."""

    def __init__(self, ledger: BaseBackend) -> None:
        self.ledger = ledger
        self._subscribers: list[tuple[Callable[[], None], Kind | None]] = []

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

    def sweep(self, age: float) -> Swept:
        """Tell the index of a batch of jobs that it may lack.

        A job that was recorded within the last `age` seconds may still be on its way.
        """
        return Swept(has_more=False)

    def changed(self) -> bool:
        """Whether jobs may have come since the last call. Called on one thread only."""
        return False

    def listen(self, heard: Heard) -> Listener | None:
        """Have `heard` called when another process has brought jobs; None if nothing can tell.

        It is told their kinds, may come for nothing, and early where the broker `hears_early`.
        """
        return None

    def subscribe(
        self, callback: Callable[[], None], kind: Kind | None = None
    ) -> Callable[[], None]:
        """Call back, on any thread, when there may be something to take; return what ends it.

        With a kind, what is known to be of others alone is no matter.
        """
        subscriber = callback, kind
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    @property
    def has_subscribers(self) -> bool:
        return bool(self._subscribers)

    def ring(self, kinds: Kinds = ANY_KIND) -> None:
        """Wake the subscribers to jobs of these kinds: every one if they are not known."""
        for callback, kind in tuple(self._subscribers):
            if not kinds or kind is None or kind in kinds:
                callback()

    def ring_for(self, entries: Sequence[Entry]) -> None:
        """Wake the subscribers to what waits now, if anything does."""
        if entries:
            self.ring({entry.lane.kind for entry in entries})

    def is_busy(self, error: Exception) -> bool:
        """Whether the error says that somebody else writes just now; nothing is wrong then."""
        return False

    def is_outage(self, error: Exception) -> bool:
        """Whether the error says that the index is away, and a later try may do."""
        return False

    def close(self) -> None:
        """Let go of what the calling thread holds open."""
