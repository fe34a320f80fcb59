"""What a ledger is told, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ..job import Job, Kind, Lane
from ..results import TaskStatus
from ..retry import Settlement, as_cancelled


class Entry(NamedTuple):
    """What the index is told of a job that waits, or waits again; `delay` is in seconds.

    `sequence` is 0 where an index, like that of a database, has the order of arrival by itself.
    """

    task_id: str
    lane: Lane
    priority: int
    sequence: int
    delay: float = 0.0


class Recorded(NamedTuple):
    """What the index has to know of new jobs, and of those that got new content and time.

    `duplicates` names, for each job that was not recorded as it was given, the job that has its
    key.
    """

    entries: list[Entry]
    replaced: list[Entry]
    duplicates: dict[str, str]


class Claims(NamedTuple):
    """The jobs that a claim won, and the ids it did not win although they still wait."""

    jobs: list[Job]
    waiting: list[Entry]


class Settled(NamedTuple):
    """Which settlements the ledger accepted, and the jobs among them that wait again."""

    accepted: set[str]
    waiting: list[Entry]


class Rescued(NamedTuple):
    """The jobs of a worker that is gone: what waits again, failed for good, or was cancelled."""

    waiting: list[Entry]
    failed: list[Settlement]
    cancelled: list[Settlement]


class Unwanted(NamedTuple):
    """A running job whose cancelling was asked for, and by whom."""

    task_id: str
    claim: int
    by: str


class Orders(NamedTuple):
    """What a worker is asked to do: to take no more jobs and end, and which jobs to stop."""

    is_to_end: bool = False
    unwanted: Sequence[Unwanted] = ()


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


class Vitals(NamedTuple):
    """How a worker is, as it says with each heartbeat.

    `memory` is how many bytes it takes up, None if it does not know. `abandoned` is how many of its
    threads go on with jobs that were given up, since a thread cannot be stopped.
    """

    memory: int | None = None
    abandoned: int = 0


NO_VITALS = Vitals()


class Beat(NamedTuple):
    """A worker's last heartbeat, by the ledger's clock; `age` is in seconds.

    `is_draining`: whether the worker was asked to take no more jobs and end.
    """

    worker: WorkerInfo
    at: datetime
    age: float
    vitals: Vitals = NO_VITALS
    is_draining: bool = False


class Unindexed(NamedTuple):
    """A job that waits, and may be missing in the index; `claim` is the number of its last one."""

    entry: Entry
    claim: int


def rescued(settled: Settled, lost: Sequence[Settlement]) -> Rescued:
    """Return what came of the losses that a ledger was to write."""
    waiting = {entry.task_id for entry in settled.waiting}
    written = [loss for loss in lost if loss.job.task_id in settled.accepted]
    failed = [loss for loss in written if loss.status is TaskStatus.FAILED]
    again = [loss for loss in written if loss.status is not TaskStatus.FAILED]
    unwanted = [as_cancelled(loss) for loss in again if loss.job.task_id not in waiting]
    return Rescued(settled.waiting, failed, unwanted)
