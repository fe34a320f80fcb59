"""Rows of the table as jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ...job import Job, Kind

KINDS = {kind.value: kind for kind in Kind}
TEXTS, NUMBERS = (str,) * 6, (int,) * 7
FORM = (*TEXTS, *NUMBERS, str, str)  # of JOB_COLUMNS, but for the moments
SMALLEST, LARGEST = -(2**31), 2**31 - 1  # of the numbers, but for the id, the third of them
MALFORMED = "The record is malformed: something else than this package has written it."


def is_sound(row: Sequence[Any]) -> bool:
    """Whether a row of JOB_COLUMNS describes a job: SQLite keeps anything in any column."""
    if tuple(map(type, row[:-2])) != FORM or row[2] not in KINDS:
        return False
    counts = row[9:13]  # each may still grow by one
    return _are_in_range(*row[6:8]) and _are_in_range(*counts, least=0, most=LARGEST - 1)


def is_sound_entry(row: Sequence[Any]) -> bool:
    """Whether a row that begins with id, queue, kind, priority and number describes a place."""
    task_id, queue, kind, priority, sequence = row[:5]
    types = tuple(map(type, (task_id, queue, priority, sequence)))
    return types == (str, str, int, int) and kind in KINDS and _are_in_range(priority)


def _are_in_range(*numbers: int, least: int = SMALLEST, most: int = LARGEST) -> bool:
    return min(numbers) >= least and max(numbers) <= most


class Moments(NamedTuple):
    """The moments of a job that is claimed, in UTC."""

    run_after: datetime | None
    submitted_at: datetime
    started_at: datetime


def job_from(row: Sequence[Any], worker: str, moments: Moments) -> Job:
    """Return the job that a row of JOB_COLUMNS describes; its moments are to be read before."""
    (
        task_id, task_name, kind, args, kwargs, queue, priority, max_crashes, sequence, claim,
        attempts, failures, crashes, history, meta, _, _,
    ) = row  # fmt: skip
    return Job(
        task_id=task_id,
        task_name=task_name,
        kind=KINDS[kind],
        args=args,
        kwargs=kwargs,
        queue=queue,
        priority=priority,
        max_crashes=max_crashes,
        sequence=sequence,
        claim=claim,
        attempts=attempts,
        failures=failures,
        crashes=crashes,
        history=history,
        meta=meta,
        worker=worker,
        run_after=moments.run_after,
        submitted_at=moments.submitted_at,
        started_at=moments.started_at,
    )
