"""The ledger's contract, kept by Redis."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Self

import redis

from ...config import BackendConfig
from ...exceptions import AlreadyEnqueued
from ...job import Job, Kind, Lane
from ...results import AT_REST, FINAL, UNFINISHED, WAITING, TaskResult, TaskStatus
from ...retry import Release, Settlement, after_crash, lost_worker
from ...serialization import JsonCodec, ModelCodec
from ..answers import Claims, Entry, Recorded, Rescued, Settled, rescued
from ..base import MOST_FRONTS
from ..batches import BATCH, batches
from ..briefs import Brief
from ..selection import Selection
from . import server
from .minutes import RedisMinutes
from .rows import (
    BRIEF,
    JOB_WIDTH,
    MILLION,
    RESULT,
    brief_from,
    entry_from,
    job_from,
    lane_text,
    micros,
    micros_of,
    moment,
    moment_of,
    new_row,
    number,
    recorded,
    result_from,
    selection_row,
    turns_text,
)
from .scripts import read_scripts
from .server import RedisServer
from .settling import note, release_row, settlement_row
from .subscription import Subscription
from .summaries import RedisSummaries

MOST_AT_ONCE = 100_000
SCRIPTS = (
    "record", "claim", "take", "settle", "release", "held", "cancel", "retry", "delete", "select",
    "report", "orders", "waiting", "work", "depth", "queues", "enlist", "beat", "dismiss",
    "beats", "strays", "prune", "count", "clock", "recent", "running", "latest", "drain",
    "expire", "fronts", "run_now",
)  # fmt: skip


class RedisBackend(RedisMinutes, RedisSummaries):
    """A hash for each job, and the indexes of what waits, changed together by scripts.

    It keeps what Redis' own persistence keeps. Final results that are older than `ttl` seconds go
    as later jobs end: an expiry of Redis' own would leave them in the indexes.
    """

    has_many_writers = True

    def __init__(
        self,
        config: BackendConfig,
        *,
        models: ModelCodec | None = None,
        ahead: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.codec = JsonCodec(models)
        scripts = read_scripts(__package__, SCRIPTS, "jobs")
        self.server = RedisServer(config, "jobs", scripts, ahead)
        self._run = self.server.run
        self._ttl = "" if config.ttl is None else micros_of(config.ttl)

    @classmethod
    def from_config(cls, config: BackendConfig, models: ModelCodec | None) -> Self:
        return cls(config, models=models)

    # The way in, and reading

    def record(self, jobs: Sequence[Job]) -> list[Entry]:
        return self._record(jobs, is_late=False).entries

    def record_unique(self, jobs: Sequence[Job], *, is_late: bool = False) -> Recorded:
        return self._record(jobs, is_late=is_late)

    def results(self, task_ids: Collection[str]) -> dict[str, TaskResult]:
        rows = self.values(task_ids, RESULT)
        found = ((task_id, result_from(task_id, row, self.codec)) for task_id, row in rows)
        return {task_id: result for task_id, result in found if result is not None}

    def briefs(self, task_ids: Collection[str]) -> dict[str, Brief]:
        found = (brief_from(task_id, row) for task_id, row in self.values(task_ids, BRIEF))
        return {brief.task_id: brief for brief in found if brief is not None}

    def recent(self, limit: int) -> list[Brief]:
        return list(self.briefs(dict.fromkeys(self._run("recent", limit))).values())

    def settled_among(self, task_ids: Collection[str]) -> set[str]:
        rows = self.values(task_ids, ["status"])
        return {task_id for task_id, (status,) in rows if status is None or status in FINAL}

    def listen(self, heard: Callable[[Collection[str]], None]) -> Subscription:
        return Subscription(self.server, "ended", lambda told: heard(told.split("\n")))

    def waiting(self, lanes: Collection[Lane], limit: int) -> list[str]:
        members = self._run("waiting", limit, *map(lane_text, lanes))
        return [member.split(":", 2)[-1] for member in members]

    def has_work(self, lanes: Collection[Lane]) -> bool:
        return bool(self._run("work", *map(lane_text, lanes)))

    def queues(self) -> set[str]:
        return {lane.partition(":")[2] for lane in self._run("queues")}

    def overdue(self, task_ids: Collection[str], age: float) -> list[str]:
        before = int(self._run("clock")) - micros_of(age)
        names = ["status", "seq", "run_after", "submitted"]
        old = [
            (number(seq) or 0, task_id)
            for task_id, (status, seq, run_after, submitted) in self.values(task_ids, names)
            if status in WAITING and (number(run_after or submitted) or before) < before
        ]
        return [task_id for _, task_id in sorted(old)]

    def now(self) -> datetime:
        return moment_of(self._run("clock"))

    def select(self, selection: Selection) -> Iterator[list[str]]:
        """Go through all the keys of the server, and read of the jobs what they are chosen by."""
        chosen = selection_row(selection, int(self._run("clock")))
        at = "0"
        while True:
            at, ids = self._run("select", at, BATCH, *chosen)
            if ids:
                yield ids
            if at == "0":
                return

    # What workers do to jobs

    def claim(self, worker_id: str, task_ids: Sequence[str]) -> Claims:
        jobs: list[Job] = []
        waiting: list[Entry] = []
        for ids in batches(list(dict.fromkeys(task_ids))):
            now, won, refused = self._run("claim", worker_id, *ids)
            jobs += _jobs(won, worker_id, now)
            waiting += map(entry_from, batches(refused, 6))
        return Claims(jobs, waiting)

    def take(
        self,
        worker_id: str,
        lanes: Collection[Lane],
        limit: int,
        turns: Mapping[Lane, tuple[float, float]],
    ) -> tuple[list[Job], float | None]:
        """Claim the first of all lanes; return them, and in how many seconds the next is due.

        That is None if there is none, or if there may be more to take at once.
        """
        now, won, due = self._run(
            "take", worker_id, limit, turns_text(lanes, turns), *map(lane_text, lanes)
        )
        return _jobs(won, worker_id, now), None if due is None else int(due) / MILLION

    def fronts(self, lanes: Collection[Lane]) -> list[str]:
        """Do what the index is asked for under this name."""
        members = self._run("fronts", MOST_FRONTS, *map(lane_text, lanes))
        return [member.split(":", 2)[-1] for member in members]

    def depth(self, lanes: Collection[Lane]) -> int:
        """Count the jobs that wait on the lanes, the delayed ones too."""
        return int(self._run("depth", *map(lane_text, lanes)))

    def settle(self, worker_id: str, settlements: Sequence[Settlement]) -> Settled:
        return self._settle(worker_id, settlements, may_repeat=True)

    def release(self, worker_id: str, releases: Sequence[Release]) -> Settled:
        settled = Settled(set(), [])
        for part in batches(releases):
            values = (value for release in part for value in release_row(release))
            verdicts = self._run("release", worker_id, *values)
            note(settled, verdicts, ((r.job, r.kind, r.delay) for r in part))
        return settled

    def held(self, worker_id: str, kind: Kind) -> list[Job]:
        return [job for job in self._held(worker_id) if job.kind is kind]

    # What anybody does to jobs

    def cancel(
        self,
        task_ids: Collection[str],
        states: Collection[TaskStatus] = UNFINISHED,
        *,
        by: str = "",
    ) -> set[str]:
        named = ",".join(states)
        return {i for ids in batches(task_ids) for i in self._run("cancel", by, named, *ids)}

    def retry(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = FINAL
    ) -> list[Entry]:
        return self._made_ready("retry", task_ids, states)

    def run_now(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = WAITING
    ) -> list[Entry]:
        return self._made_ready("run_now", task_ids, states)

    def delete(
        self, task_ids: Collection[str], states: Collection[TaskStatus] = AT_REST
    ) -> set[str]:
        named = ",".join(states)
        return {i for ids in batches(task_ids) for i in self._run("delete", named, *ids)}

    def expire(self, limit: int) -> list[str]:
        return list(self._run("expire", limit))

    # Who works

    def rescue(self, worker_id: str, beat_at: datetime | None) -> Rescued:
        """Dismiss the worker first, which can claim no more then, and free its jobs in batches.

        Whoever is killed in between leaves a stray, whose jobs another call frees.
        """
        if not self._run("dismiss", worker_id, micros(beat_at) if beat_at else ""):
            return Rescued([], [], [])
        error = lost_worker(worker_id)
        lost = [after_crash(job, error, worker=worker_id) for job in self._held(worker_id)]
        return rescued(self._settle(worker_id, lost, may_repeat=False), lost)

    # Care of the store

    def prune(self, older_than: float, limit: int) -> int:
        return int(self._run("prune", micros_of(older_than), limit))

    def is_busy(self, error: Exception) -> bool:
        return server.is_busy(error)

    def is_outage(self, error: Exception) -> bool:
        return server.is_outage(error)

    def _made_ready(
        self, script: str, task_ids: Collection[str], states: Collection[TaskStatus]
    ) -> list[Entry]:
        named = ",".join(states)
        return [
            entry_from(row)
            for ids in batches(task_ids)
            for row in batches(self._run(script, named, *ids), 5)
        ]

    def _record(self, jobs: Sequence[Job], *, is_late: bool) -> Recorded:
        if not jobs:
            return Recorded([], [], {})
        if len(jobs) > MOST_AT_ONCE:
            raise ValueError(f"{len(jobs)} jobs at once; Redis takes up to {MOST_AT_ONCE}.")
        try:
            rows = (value for job in jobs for value in new_row(job))
            first, *found = self._run("record", int(is_late), *rows)
        except redis.ResponseError as error:
            raise _refusal(error) from error
        return recorded(jobs, int(first), found)

    def _settle(
        self, worker_id: str, settlements: Sequence[Settlement], *, may_repeat: bool
    ) -> Settled:
        settled = Settled(set(), [])
        for part in batches(settlements):
            values = (value for settlement in part for value in settlement_row(settlement))
            verdicts = self._run("settle", worker_id, int(may_repeat), self._ttl, *values)
            note(settled, verdicts, ((s.job, None, s.delay) for s in part))
        return settled

    def _held(self, worker_id: str) -> list[Job]:
        rows = batches(self._run("held", worker_id), JOB_WIDTH + 1)
        jobs = (job_from(row, worker_id, moment(started)) for *row, started in rows)
        return sorted(jobs, key=lambda job: job.sequence)


def _refusal(error: redis.ResponseError) -> Exception:
    """Return what to raise for an error of the script."""
    word, _, task_id = str(error).partition(" ")
    if word == "TAKEN":
        return AlreadyEnqueued(task_id)
    if word == "DUPLICATE":
        return ValueError("A job with the same id is in the ledger already. Give each its own.")
    return error


def _jobs(rows: Sequence[str], worker_id: str, now: str) -> list[Job]:
    started_at = moment(now)
    return [job_from(row, worker_id, started_at) for row in batches(rows, JOB_WIDTH)]
