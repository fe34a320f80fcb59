"""The contract of a ledger. Every method is sync, and may be called from any thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple, Self

from ..config import BackendConfig
from ..job import Job, Kind, Lane
from ..results import TaskResult
from ..retry import Release, Settlement
from ..serialization import Codec, ModelCodec


class Entry(NamedTuple):
    """What the index is told of a job that waits, or waits again; `delay` is in seconds.

    `sequence` is 0 where an index, like that of a database, has the order of arrival by itself.
    """

    task_id: str
    lane: Lane
    priority: int
    sequence: int
    delay: float = 0.0


class Claims(NamedTuple):
    """The jobs that a claim won, and the ids it did not win although they still wait."""

    jobs: list[Job]
    waiting: list[Entry]


class Settled(NamedTuple):
    """Which settlements the ledger accepted, and the jobs among them that wait again."""

    accepted: set[str]
    waiting: list[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker process as it describes itself.

    `process` names the process within its host for as long as the machine is up (boot, pid
    namespace, pid and start time), so that a neighbour can tell that it is gone.
    """

    worker_id: str
    host: str = ""
    pid: int = 0
    process: str = ""
    queues: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    version: str = ""


class Beat(NamedTuple):
    """A worker's last heartbeat, by the ledger's clock; `age` is in seconds."""

    worker: WorkerInfo
    at: datetime
    age: float


class BaseBackend(ABC):
    """Keeps one record per job, and lets only the worker that holds a job write its outcome.

    A write of a worker counts only for a job that is running under that worker with that claim
    number; every other transition names the states that it leaves.
    """

    codec: Codec
    is_shared: ClassVar[bool] = True
    """Whether other processes see this ledger."""

    @classmethod
    @abstractmethod
    def from_config(cls, config: BackendConfig, models: ModelCodec | None) -> Self:
        """Return the ledger that a config names; `models` carries model instances in arguments."""

    # The way in, and reading

    @abstractmethod
    def record(self, jobs: Sequence[Job]) -> list[Entry]:
        """Keep new jobs, all or none, as pending; return what the index has to know of them."""

    @abstractmethod
    def results(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        """Return the jobs with these ids; unknown ids are left out."""

    @abstractmethod
    def settled_among(self, task_ids: Collection[str]) -> set[str]:
        """Return those ids that nothing will change any more: final, or not in the ledger."""

    @abstractmethod
    def waiting(self, lanes: Collection[Lane], limit: int) -> list[str]:
        """Return up to `limit` ids of jobs that wait on the lanes."""

    @abstractmethod
    def has_work(self, lanes: Collection[Lane]) -> bool:
        """Whether a job of the lanes is due, or waits for its retry."""

    @abstractmethod
    def queues(self) -> set[str]:
        """Return the queues on which jobs wait."""

    # What workers do to jobs

    @abstractmethod
    def claim(self, worker_id: str, task_ids: Sequence[str]) -> Claims:
        """Give the worker those jobs that wait and are due, if the worker is enlisted."""

    @abstractmethod
    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> Settled:
        """Write outcomes; a job to be retried whose cancelling was asked for is cancelled."""

    @abstractmethod
    def release(self, worker_id: str, releases: Sequence[Release]) -> Settled:
        """Give claims back: the jobs wait again, and the attempt is not counted."""

    @abstractmethod
    def held(self, worker_id: str, kind: Kind) -> list[Job]:
        """Return the jobs of one kind that the worker holds, as the ledger has it."""

    # What anybody does to jobs

    @abstractmethod
    def cancel(self, task_ids: Collection[str]) -> set[str]:
        """Cancel those that wait, ask it of those that run; return the ids of both."""

    @abstractmethod
    def retry(self, task_ids: Collection[str]) -> list[Entry]:
        """Let final jobs wait again, their counters set back to none; return those that were."""

    # Who works

    @abstractmethod
    def enlist(self, worker: WorkerInfo) -> None:
        """Note a worker; from now on it may claim."""

    @abstractmethod
    def beat(self, worker_id: str) -> bool:
        """Renew the worker's heartbeat; False if it is not enlisted (any more)."""

    @abstractmethod
    def dismiss(self, worker_id: str) -> None:
        """Forget a worker that holds nothing more."""

    @abstractmethod
    def beats(self) -> list[Beat]:
        """Return the last heartbeat of every worker that is enlisted."""

    @abstractmethod
    def rescue(self, worker_id: str, beat_at: datetime | None) -> list[Entry]:
        """Dismiss a worker whose last heartbeat is still `beat_at`, and free its jobs.

        One transaction. Each job it ran is charged a crash; it waits again, or fails for good.
        With None, free the jobs of a worker that is not enlisted. Nothing is done, and nothing
        returned, if the worker has beaten since.
        """

    @abstractmethod
    def strays(self) -> set[str]:
        """Return the ids of workers that hold jobs but are not enlisted."""

    # Care of the store

    @abstractmethod
    def prune(self, older_than: float, limit: int) -> int:
        """Delete up to `limit` jobs that ended more than that many seconds ago."""

    def is_busy(self, error: Exception) -> bool:
        """Whether the error says that somebody else writes just now; nothing is wrong then."""
        return False

    def is_outage(self, error: Exception) -> bool:
        """Whether the error says that the store is away, and a later try may do."""
        return False

    def close(self) -> None:
        """Let go of what the calling thread holds open."""
