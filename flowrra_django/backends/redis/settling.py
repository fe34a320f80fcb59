"""Batches of fenced writes: what is asked of the scripts, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...job import Job, Kind, Lane
from ...retry import Release, Settlement
from ..answers import Entry, Settled
from .rows import micros_of

ENDED, WAITS = "1", "2"


def note(
    settled: Settled, verdicts: str, written: Iterable[tuple[Job, Kind | None, float]]
) -> None:
    """Add what came of a batch of writes."""
    for verdict, (job, kind, delay) in zip(verdicts, written, strict=True):
        if verdict == WAITS and job.task_id not in settled.accepted:
            lane = Lane(job.queue, kind or job.kind)
            settled.waiting.append(Entry(job.task_id, lane, job.priority, job.sequence, delay))
        if verdict in {ENDED, WAITS}:
            settled.accepted.add(job.task_id)


def settlement_row(settlement: Settlement) -> tuple[Any, ...]:
    """Return the arguments of settle.lua for an outcome."""
    job, error = settlement.job, settlement.error
    texts = (error.type, error.message, error.traceback) if error else ("", "", "")
    return (
        job.task_id, job.claim, job.attempts, settlement.status.value, settlement.failures,
        settlement.crashes, settlement.history, micros_of(settlement.delay),
        settlement.result or "", *texts,
        "" if settlement.was_stopped is None else int(settlement.was_stopped),
    )  # fmt: skip


def release_row(release: Release) -> tuple[Any, ...]:
    """Return the arguments of release.lua for a claim that is given back."""
    job = release.job
    kind = release.kind or job.kind
    return (
        job.task_id, job.claim, job.attempts, job.history, kind.value, micros_of(release.delay),
    )  # fmt: skip
