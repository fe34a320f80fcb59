"""The contract of a ledger. Every method is sync, and may be called from any thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import ClassVar, Self

from ..config import BackendConfig
from ..job import Job, Kind, Lane, all_lanes
from ..reports import Report
from ..results import AT_REST, FINAL, UNFINISHED, WAITING, TaskResult, TaskStatus
from ..retry import Release, Settlement
from ..serialization import Codec, ModelCodec
from ..tally import Ended, Minute, ended_of, totals_of
from .answers import (
    NO_VITALS,
    Beat,
    Claims,
    Entry,
    Orders,
    Recorded,
    Rescued,
    Settled,
    Unindexed,
    Vitals,
    WorkerInfo,
)
from .briefs import Brief
from .listening import Listener
from .selection import Selection

MOST_FRONTS = 100  # of a lane: see `BaseBroker.fronts`


class BaseBackend(ABC):
    """Keeps one record per job, and lets only the worker that holds a job write its outcome.

    A write of a worker counts only for a job that is running under that worker with that claim
    number; every other transition names the states that it leaves.
    """

    codec: Codec
    is_shared: ClassVar[bool] = True
    """Whether other processes see this ledger."""

    has_many_writers: bool = False
    """Whether two connections of one worker get more done than one, a thread each."""

    joins_transactions: ClassVar[bool] = False
    """Whether `record` is part of the caller's transaction; if not, it has to come after that."""

    @classmethod
    @abstractmethod
    def from_config(cls, config: BackendConfig, models: ModelCodec | None) -> Self:
        """Return the ledger that a config names; `models` carries model instances in arguments."""

    # The way in, and reading

    @abstractmethod
    def record(self, jobs: Sequence[Job]) -> list[Entry]:
        """Keep new jobs, all or none, as pending; return what the index has to know of them."""

    @abstractmethod
    def record_unique(self, jobs: Sequence[Job], *, is_late: bool = False) -> Recorded:
        """Keep those of new jobs whose `unique_key` no job has, before or among them.

        What comes of the others, their `on_duplicate` says; AlreadyEnqueued leaves nothing. If it
        `is_late`, a duplicate is recorded as cancelled, naming the job that has its key, and
        nothing is raised.
        """

    @abstractmethod
    def results(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        """Return the jobs with these ids; unknown ids are left out."""

    @abstractmethod
    def briefs(self, task_ids: Collection[str]) -> dict[str, Brief]:
        """Return how the jobs with these ids stand; unknown ids are left out."""

    @abstractmethod
    def recent(self, limit: int) -> list[Brief]:
        """Return how those jobs stand that are likely to have changed lately.

        That is `limit` each of those that came last, that ended last, and that run.
        """

    @abstractmethod
    def settled_among(self, task_ids: Collection[str]) -> set[str]:
        """Return those ids that nothing will change any more: final, or not in the ledger."""

    def listen(self, heard: Callable[[Collection[str]], None]) -> Listener | None:
        """Have `heard` called with the ids of jobs as they end; None if nothing can tell.

        It is a hint: some may be missed, as while a connection is made again.
        """
        return None

    @abstractmethod
    def waiting(self, lanes: Collection[Lane], limit: int) -> list[str]:
        """Return up to `limit` ids of jobs that wait on the lanes."""

    @abstractmethod
    def has_work(self, lanes: Collection[Lane]) -> bool:
        """Whether a job of the lanes is due, or waits for its retry."""

    @abstractmethod
    def queues(self) -> set[str]:
        """Return the queues on which jobs wait."""

    @abstractmethod
    def overdue(self, task_ids: Collection[str], age: float) -> list[str]:
        """Return those that wait, and are more than `age` seconds past their time, oldest first.

        That is when they were enqueued, or when they were to run after.
        """

    @abstractmethod
    def now(self) -> datetime:
        """Return the time that the ledger goes by: aware, in UTC."""

    @abstractmethod
    def select(self, selection: Selection) -> Iterator[list[str]]:
        """Yield the ids of the jobs that fit, of those that there are now, some at a time.

        Nothing is locked, nor held open between one look and the next.
        """

    # What workers do to jobs

    @abstractmethod
    def claim(self, worker_id: str, task_ids: Sequence[str]) -> Claims:
        """Give the worker those jobs that wait and are due, if the worker is enlisted.

        What expired is neither won nor returned. A start gives up a key that lasts until then.
        """

    @abstractmethod
    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> Settled:
        """Write outcomes; a job to be retried whose cancelling was asked for is cancelled."""

    @abstractmethod
    def release(self, worker_id: str, releases: Sequence[Release]) -> Settled:
        """Give claims back: the jobs wait again, and the attempt is not counted."""

    @abstractmethod
    def report(self, worker_id: str, reports: Sequence[Report]) -> None:
        """Keep what running jobs tell of themselves, if the worker holds them.

        A job is there once. Its progress takes the place of the last one, its lines are added;
        those that come again, since a reply was lost, are not. Outcomes wait until this is done: a
        ledger that has room for them, but not for this, leaves it out and says so.
        """

    def locked(self, jobs: Collection[Job]) -> set[str]:
        """Return the ids of those whose records others hold locked, where each has its own lock.

        A write of one of them is busy, whatever else is written.
        """
        return set()

    @abstractmethod
    def orders(self, worker_id: str) -> Orders:
        """Return whether the worker is to end, and which of its jobs are to be cancelled.

        It is asked twice a second.
        """

    @abstractmethod
    def held(self, worker_id: str, kind: Kind) -> list[Job]:
        """Return the jobs of one kind that the worker holds, as the ledger has it."""

    # What anybody does to jobs; to those of the named ones that are in one of the states

    @abstractmethod
    def cancel(
        self,
        task_ids: Collection[str],
        states: Collection[TaskStatus] = UNFINISHED,
        *,
        by: str = "",
    ) -> set[str]:
        """Cancel those that wait, ask it of those that run; return the ids of both.

        `by`, of up to 100 characters, is who asks; of several the first is kept.
        """

    @abstractmethod
    def retry(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = FINAL
    ) -> list[Entry]:
        """Let final jobs wait again, their counters set back to none; return those that were.

        They do not expire, and have no unique key again.
        """

    @abstractmethod
    def run_now(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = WAITING
    ) -> list[Entry]:
        """Let jobs that wait be due at once, and before all others of their lanes; return them.

        Their priority is FIRST_PRIORITY from then on. All else stays as it was.
        """

    @abstractmethod
    def expire(self, limit: int) -> list[str]:
        """Cancel up to `limit` jobs that nobody had claimed in time; return their ids."""

    @abstractmethod
    def delete(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = AT_REST
    ) -> set[str]:
        """Delete those that do not run; return the ids of those that were."""

    @abstractmethod
    def pause(self, queue: str) -> None:
        """Note that workers start no more jobs of a queue."""

    @abstractmethod
    def resume(self, queue: str) -> None:
        """Note that they do."""

    @abstractmethod
    def paused(self) -> set[str]:
        """Return the queues that are paused."""

    # Who works

    @abstractmethod
    def enlist(self, worker: WorkerInfo) -> None:
        """Note a worker; from now on it may claim."""

    @abstractmethod
    def beat(self, worker_id: str, vitals: Vitals = NO_VITALS) -> bool:
        """Renew the worker's heartbeat; False if it is not enlisted (any more)."""

    @abstractmethod
    def drain(self, worker_id: str) -> bool:
        """Ask a worker to take no more jobs and end; False if it is not enlisted."""

    @abstractmethod
    def dismiss(self, worker_id: str) -> None:
        """Forget a worker that holds nothing more."""

    @abstractmethod
    def beats(self) -> list[Beat]:
        """Return the last heartbeat of every worker that is enlisted."""

    @abstractmethod
    def rescue(self, worker_id: str, beat_at: datetime | None) -> Rescued:
        """Dismiss a worker whose last heartbeat is still `beat_at`, and free its jobs.

        One transaction. Each job it ran is charged a crash; it waits again, or fails for good.
        With None, free the jobs of a worker that is not enlisted. Nothing is done, and nothing
        returned, if the worker has beaten since.
        """

    @abstractmethod
    def strays(self) -> set[str]:
        """Return the ids of workers that hold jobs but are not enlisted."""

    # What people look at

    @abstractmethod
    def summaries(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        """Return the jobs with these ids, without what may be long.

        That is what they were called with, came to, noted and told of themselves, and the text of
        errors.
        """

    @abstractmethod
    def running(self, limit: int) -> list[str]:
        """Return up to `limit` ids of jobs that run."""

    @abstractmethod
    def latest(self, limit: int) -> list[str]:
        """Return up to `limit` ids of jobs that have ended, the last one first."""

    def waiting_since(self, queues: Collection[str], looked_at: int) -> dict[str, datetime]:
        """Return since when jobs of some queues may run: the earliest of the first `looked_at`.

        Queues on which none waits are left out.
        """
        asked = {queue: self.waiting(all_lanes([queue]), looked_at) for queue in queues}
        found = {queue: self.summaries(task_ids).values() for queue, task_ids in asked.items()}
        moments = {
            queue: [moment for r in results if (moment := r.run_after or r.submitted_at)]
            for queue, results in found.items()
        }
        return {queue: min(each) for queue, each in moments.items() if each}

    # What it came to

    @abstractmethod
    def add_minutes(self, minutes: Sequence[Minute]) -> None:
        """Add to what is counted of these minutes and queues, each of which comes once."""

    @abstractmethod
    def minutes(self, since: datetime) -> list[Minute]:
        """Return what is counted of minutes from then on, in their order."""

    @abstractmethod
    def prune_minutes(self, older_than: float) -> None:
        """Forget minutes of more than that many seconds ago."""

    def totals(self, since: datetime) -> list[Minute]:
        """Return what is counted of all queues together, of each minute from then on."""
        return totals_of(self.minutes(since))

    def ended(self, since: datetime) -> dict[str, Ended]:
        """Return how many jobs of each queue ended in the minutes from then on."""
        return ended_of(self.minutes(since))

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


class SweptBackend(BaseBackend):
    """A ledger whose index may be elsewhere, and lack what the ledger has.

    Each record has a mark, which says that the index knows the job for as long as it waits.
    """

    @abstractmethod
    def index_elsewhere(self) -> None:
        """From now on, leave jobs that come to wait without the mark."""

    @abstractmethod
    def entries(self, task_ids: Collection[str]) -> list[Entry]:
        """Return what the index has to know of those jobs that wait."""

    @abstractmethod
    def unindexed(
        self, after: int, limit: int, age: float, *, even_marked: bool = False
    ) -> list[Unindexed]:
        """Return up to `limit` jobs that wait without the mark, in the order of their arrival.

        They are those whose `sequence` is greater than `after`, and that were recorded more than
        `age` seconds ago. Those with the mark come too if `even_marked`.
        """

    @abstractmethod
    def mark_indexed(self, seen: Sequence[Unindexed]) -> None:
        """Mark the jobs, but for those that have been claimed since, or do not wait any more."""
