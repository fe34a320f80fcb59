"""How jobs come into the table, one for each key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from ...exceptions import AlreadyEnqueued, FlowrraError
from ...job import Job, OnDuplicate
from ...retry import duplicate_of
from ..answers import Entry, Recorded
from . import sql
from .deadlocks import despite_deadlocks
from .entries import entry_of
from .workers import DatabaseWorkers

TRIES = 20

NOTE_DUPLICATE = f"""
UPDATE {sql.TABLE} SET status = 'cancelled', finished_at = %s, error = %s, error_type = %s,
    due_at = NULL
WHERE task_id = %s
"""
REPLACE = f"""
UPDATE {sql.TABLE} SET queue = %s, kind = %s, priority = %s, args = %s, kwargs = %s,
    submitted_at = %s, run_after = %s, due_at = %s, max_crashes = %s, meta = %s, expires_at = %s,
    indexed = {{indexed}}
WHERE task_id = %s AND unique_key = %s AND {sql.STILL_WAITING}
"""


class DatabaseRecording(DatabaseWorkers):
    """The part of the ledger that keeps new jobs."""

    def record(self, jobs: Sequence[Job]) -> list[Entry]:
        if len(jobs) == 1:
            return [self._record_one(jobs[0])]
        if jobs:
            with transaction.atomic(using=self.alias), self.engine.reading() as cursor:
                self.engine.write(cursor, sql.INSERT, [self._row(job) for job in jobs])
        return [self._entry_of(job) for job in jobs]

    def record_unique(self, jobs: Sequence[Job], *, is_late: bool = False) -> Recorded:
        firsts = _firsts(jobs, is_late=is_late)
        recorded = partial(self._recorded, jobs, firsts, is_late=is_late)
        return despite_deadlocks(self.engine, recorded)

    def _record_one(self, job: Job) -> Entry:
        with self.engine.reading() as cursor:
            sequence = self.engine.insert(cursor, self._row(job))
        entry = self._entry_of(job)
        # A delay is asked for once the caller's transaction is over: it is shorter by then.
        return entry if entry.delay else entry._replace(sequence=sequence)

    def _recorded(
        self, jobs: Sequence[Job], firsts: Mapping[str, Job], *, is_late: bool
    ) -> Recorded:
        with self.engine.writing() as cursor:
            holders, replaced = self._place(cursor, firsts)
            ids = {job.task_id: holders[_key(job)] for job in jobs}
            duplicates = {mine: first for mine, first in ids.items() if mine != first}
            unwanted = [job for job in jobs if job.task_id in duplicates]
            if is_late:
                self._note(cursor, unwanted, duplicates)
            else:
                _refuse(unwanted, duplicates)
        new = [job for job in firsts.values() if ids[job.task_id] == job.task_id]
        return Recorded([self._entry_of(job) for job in new], replaced, duplicates)

    def _place(
        self, cursor: CursorWrapper, firsts: Mapping[str, Job]
    ) -> tuple[dict[str, str], list[Entry]]:
        """Insert jobs whose keys are free; return which job has each key, and what was replaced.

        A key that was not free may be so when it is looked up who has it: then all is tried again.
        """
        left, holders, replaced = dict(firsts), dict[str, str](), list[Entry]()
        for _ in range(TRIES):
            self.engine.write(cursor, sql.INSERT_UNIQUE, [self._row(j) for j in left.values()])
            found = {key: key for key, job in left.items() if job.unique_key is None}
            found |= self.engine.holders(cursor, left.keys() - found.keys())
            for key, task_id in found.items():
                job = left[key]
                if task_id != job.task_id and job.on_duplicate is OnDuplicate.REPLACE:
                    if not self._replace(cursor, job, task_id):
                        continue
                    replaced.append(self._entry_of(replace(job, task_id=task_id)))
                holders[key] = task_id
                del left[key]
            if not left:
                return holders, replaced
        raise FlowrraError("Jobs with this key start and end faster than one can be enqueued.")

    def _replace(self, cursor: CursorWrapper, job: Job, task_id: str) -> bool:
        """Give a job that waits the content and time of another; return whether it waits."""
        now = self.engine.clock()
        due = self._at(now, job.run_after)
        cursor.execute(
            self.engine.render(REPLACE),
            [
                job.queue, job.kind.value, job.priority, job.args, job.kwargs,
                self.engine.parameter(now), due, due, job.max_crashes, job.meta,
                self._at(now, job.expires_in), task_id, job.unique_key,
            ],
        )  # fmt: skip
        return bool(cursor.rowcount)

    def _note(
        self, cursor: CursorWrapper, jobs: Sequence[Job], duplicates: Mapping[str, str]
    ) -> None:
        """Record duplicates as cancelled."""
        rows = [self._row(replace(job, unique_key=None, expires_in=None)) for job in jobs]
        self.engine.write(cursor, sql.INSERT, rows)
        for job in jobs:
            error = duplicate_of(duplicates[job.task_id])
            cursor.execute(
                self.engine.render(NOTE_DUPLICATE),
                [self.engine.moment(), error.message, error.type, job.task_id],
            )

    def _entry_of(self, job: Job) -> Entry:
        due = self._at(self.engine.clock(), job.run_after)
        return entry_of(job, self.engine.seconds_until(due))

    def _row(self, job: Job) -> tuple[Any, ...]:
        now = self.engine.clock()
        due = self._at(now, job.run_after)
        return (
            job.task_id, job.task_name, job.queue, job.kind.value, job.priority, job.args,
            job.kwargs, self.engine.parameter(now), due, due, job.max_crashes, job.meta,
            job.unique_key, self._at(now, job.expires_in),
        )  # fmt: skip

    def _at(self, now: datetime, when: datetime | timedelta | None) -> Any:
        """Return a moment, or how long it is until then, as a parameter of a statement."""
        return self.engine.parameter(now + when if isinstance(when, timedelta) else when)


def _key(job: Job) -> str:
    return job.unique_key or job.task_id


def _firsts(jobs: Sequence[Job], *, is_late: bool) -> dict[str, Job]:
    """Return the jobs to record, by key: the first of each, as the last is to replace it."""
    firsts: dict[str, Job] = {}
    for job in jobs:
        first = firsts.setdefault(_key(job), job)
        if first is job:
            continue
        if job.on_duplicate is OnDuplicate.REPLACE:
            firsts[_key(job)] = replace(job, task_id=first.task_id)
        elif job.on_duplicate is OnDuplicate.RAISE and not is_late:
            raise AlreadyEnqueued(first.task_id)
    return firsts


def _refuse(unwanted: Sequence[Job], duplicates: Mapping[str, str]) -> None:
    for job in unwanted:
        if job.on_duplicate is OnDuplicate.RAISE:
            raise AlreadyEnqueued(duplicates[job.task_id])
