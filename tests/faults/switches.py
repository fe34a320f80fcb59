"""The mechanisms that keep the promises, each with a way to turn it off in a worker of a test.

The product has no such hooks: what is here reaches into it, and raises when it finds something
else than it was written for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace as changed
from datetime import UTC, datetime
from functools import partial

from django.utils.module_loading import import_string

from flowrra_django import retry, runtime
from flowrra_django.backends.database import (
    DatabaseBackend,
    entries,
    mysql_sql,
    settling,
    sql,
    workers,
)
from flowrra_django.backends.database.recording import DatabaseRecording
from flowrra_django.backends.database.server import Server
from flowrra_django.backends.redis.server import RedisServer
from flowrra_django.brokers.base import Swept
from flowrra_django.brokers.redis import leasing
from flowrra_django.brokers.redis.leasing import LeasingBroker
from flowrra_django.engine.cancelling import Stopper
from flowrra_django.engine.heartbeat import Heartbeat
from flowrra_django.engine.presence import Presence
from flowrra_django.engine.stores import Stores, Written
from flowrra_django.engine.taking import Taking
from flowrra_django.registry import Task, TaskRegistry
from flowrra_django.runners.limits import run_within
from flowrra_django.worker.services import Rescue
from flowrra_django.worker.watchdog import Watchdog

from .patching import NotFoundError, replace, replace_everywhere, reword, reword_scripts


async def _rest(*_: object) -> None:
    """Do nothing."""


def rescue() -> None:
    """Nobody looks for workers that went away."""
    replace(Rescue, "look", _rest)


def heartbeat() -> None:
    """A worker's row is never renewed."""
    replace(Presence, "beat", lambda self: None)


def two_looks() -> None:
    """A worker is given up at the first look that finds it silent."""
    was_gone = replace(Rescue, "_is_gone", None)
    Rescue._is_gone = lambda self, beat, now: was_gone(self, beat, now) or self._is_silent(beat)


def own_beat_first() -> None:
    """Others are given up even while one's own heartbeat cannot be written."""
    replace(Heartbeat, "is_steady", True)
    two_looks()


def watchdog() -> None:
    """A worker that has seized up lives on."""
    replace(Watchdog, "_watch", lambda self: None)


def time_limit() -> None:
    """A job may take as long as it likes."""
    replace_everywhere(run_within, lambda seconds, runner, job, task: runner.run(job, task))


def stopper() -> None:
    """Nobody tells running code that its job is cancelled."""
    replace(Stopper, "look", lambda self: None)


def fence() -> None:
    """Whoever has run a job writes its outcome, whether it holds the job or not."""
    unfenced = "id = %s AND %s <> '' AND %s >= 0"
    reword(sql, ("FINISH", "AGAIN", "RELEASE"), sql.HELD, unfenced)
    held = " AND job.worker = ended.worker AND job.claim = ended.claim"
    reword(mysql_sql, ("FINISH_ALL",), held, "")
    reword(mysql_sql, ("FINISH_ALL",), "WHERE job.status = 'running'", "")
    reword_scripts(("settle", "release"), "is_held(job, worker, number)", "true")


def claim() -> None:
    """The claim is not kept: the job runs, and the ledger has it as waiting."""
    claim_rows = replace(DatabaseBackend, "claim_rows", None)

    def claim_nothing(self, cursor, *args):
        cursor.execute("SAVEPOINT unkept")
        jobs = claim_rows(self, cursor, *args)
        cursor.execute("ROLLBACK TO SAVEPOINT unkept")
        return jobs

    DatabaseBackend.claim_rows = claim_nothing


def release() -> None:
    """A stopping worker gives nothing back."""
    replace(Stores, "release", lambda self, worker_id, releases: Written(set(), set()))


def doubt() -> None:
    """A worker never compares what it holds with what the ledger says."""
    replace(Taking, "_reconcile", lambda self, worker_id: None)


def second_reading() -> None:
    """A write that changes nothing counts as refused: nobody looks whether it had been made."""
    replace(
        settling,
        "_accepted",
        lambda cursor, written, traces: set(traces) if written == len(traces) else set(),
    )
    reword_scripts(("settle",), "return may_repeat and", "return false and")


def quarantine() -> None:
    """Whatever a row holds is taken for a job, and for a place in the index."""
    replace(workers, "is_sound", lambda row: True)
    replace(entries, "is_sound_entry", lambda row: True)


def dead_list() -> None:
    """Whatever a list in Redis names is taken for a job."""
    dropped = "if not job then drop(entry.member) end"
    reword_scripts(("take",), dropped, dropped.replace("drop(entry.member)", "error('no job')"))


def patience() -> None:
    """An error of the store is final, even if it says that the store is away or busy."""
    replace(Stores, "may_pass", lambda self, error: False)


def crash_limit() -> None:
    """A job may take its worker down for ever."""
    _with_max_crashes(lambda limit: 10**9)


def at_most_once() -> None:
    """A job that may run once only is run again like any other."""
    _with_max_crashes(lambda limit: limit or 3)


def transaction() -> None:
    """A job is kept whatever becomes of the transaction that enqueued it."""
    record = replace(DatabaseRecording, "record", None)

    def record_for_good(self, jobs):
        entries = record(self, jobs)
        if self.engine.connection.in_atomic_block:
            with self.engine.reading() as cursor:
                cursor.execute("COMMIT")
                cursor.execute("BEGIN")
        return entries

    DatabaseRecording.record = record_for_good
    replace(runtime, "_after_commit", lambda alias, act: act())


def sweeper() -> None:
    """What the index was not told, or has lost, nobody tells it later."""
    replace(LeasingBroker, "sweep", lambda self, age: Swept(has_more=False))


def take_lease() -> None:
    """What the index has handed out does not come back to it."""
    replace(leasing, "LEASE_SECONDS", 86_400.0)


def ledgers_clock() -> None:
    """Each worker goes by its own clock."""
    true = partial(time.clock_gettime, time.CLOCK_REALTIME)
    own = {
        Server: ("clock", lambda: datetime.fromtimestamp(time.time(), UTC)),
        RedisServer: ("_ahead", lambda: time.time() - true()),
    }
    for owner, (name, clock) in own.items():
        replace(owner, "__init__", _create_with(owner.__init__, name, clock))


def registry() -> None:
    """The name of a task that is not known is imported."""
    for_job = replace(TaskRegistry, "for_job", None)

    def find_or_import(self, job):
        if known := for_job(self, job):
            return known
        return Task(name=job.task_name, func=import_string(job.task_name), kind=job.kind)

    TaskRegistry.for_job = find_or_import


def _create_with(create: Callable[..., None], name: str, value: object) -> Callable[..., None]:
    def create_with(self, *args, **kwargs):
        create(self, *args, **kwargs)
        if name not in vars(self):
            raise NotFoundError(f"{self} has no {name}.")
        setattr(self, name, value)

    return create_with


def turn_off(name: str) -> None:
    """Turn off the mechanism of that name, if one is given."""
    if name:
        SWITCHES[name]()


def _with_max_crashes(limit_of: Callable[[int], int]) -> None:
    after_crash = retry.after_crash

    def boundless(job, error, **details):
        return after_crash(changed(job, max_crashes=limit_of(job.max_crashes)), error, **details)

    replace_everywhere(after_crash, boundless)


SWITCHES: dict[str, Callable[[], None]] = {
    "rescue": rescue,
    "heartbeat": heartbeat,
    "two looks": two_looks,
    "own beat first": own_beat_first,
    "watchdog": watchdog,
    "time limit": time_limit,
    "stopper": stopper,
    "fence": fence,
    "claim": claim,
    "release": release,
    "doubt": doubt,
    "second reading": second_reading,
    "quarantine": quarantine,
    "dead list": dead_list,
    "patience": patience,
    "patience with a lock": patience,
    "crash limit": crash_limit,
    "at most once": at_most_once,
    "transaction": transaction,
    "registry": registry,
    "the ledger's clock": ledgers_clock,
    "sweeper": sweeper,
    "take-lease": take_lease,
}
