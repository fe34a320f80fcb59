"""The app's own job: what the admin does to more jobs than a request has time for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from . import runtime
from .backends.batches import batches
from .backends.database import browsing
from .backends.database.wanted import Wanted
from .context import current_job
from .decorators import flowrra_task
from .engine.stores import Stores
from .results import AT_REST, FINAL, UNFINISHED, WAITING, TaskStatus

States = Collection[TaskStatus]


class Act(NamedTuple):
    """What can be done to jobs in some states; returns the ids of those to which it was."""

    states: States
    do: Callable[[Stores, Sequence[str], States, str], set[str]]


ACTS: Mapping[str, Act] = {
    "retry": Act(FINAL, lambda stores, ids, states, by: stores.retry(ids, states)),
    "run": Act(WAITING, lambda stores, ids, states, by: stores.run_now(ids, states)),
    "cancel": Act(UNFINISHED, lambda stores, ids, states, by: stores.cancel(ids, states, by=by)),
    "delete": Act(AT_REST, lambda stores, ids, states, by: stores.delete(ids, states)),
}


def states_of(act: str, wanted: Wanted) -> list[TaskStatus]:
    """Return the states of jobs that fit in which something can be done to them."""
    possible = [state for state in TaskStatus if state in ACTS[act].states]
    return [state for state in possible if wanted.status in {None, state}]


def changed(act: str, wanted: Wanted, by: str) -> Iterator[tuple[int, set[str]]]:
    """Do something to all jobs that fit, a batch at a time, and so in transactions of that size.

    Yields how many jobs a batch had, and the ids of those to which it was done: a job that has left
    the states that were asked for is left alone.
    """
    stores, states = runtime.get_stores(), states_of(act, wanted)
    for found in browsing.every(runtime.ledger_alias(), wanted, states):
        for ids in batches(found):
            yield len(ids), ACTS[act].do(stores, ids, states, by)


@flowrra_task(name="flowrra_django.change_jobs", priority=-(2**31 - 1), timeout=86_400)
def change_jobs(act: str, wanted: Mapping[str, Any], by: str) -> dict[str, int]:
    """Do what somebody asked for in the admin to all jobs that fit; return to how many it was done.

    `wanted` has the fields of a `Wanted` that says what was there when it was asked for. So another
    try does nothing twice, and the job, which came later, is none of those that it changes. If it
    is cancelled, it ends after a batch.
    """
    job, asked = current_job(), Wanted(**wanted)
    if job.attempt > 1:
        job.log("What an earlier attempt has changed is not counted again.")
    states = states_of(act, asked)
    total = sum(map(len, browsing.every(runtime.ledger_alias(), asked, states)))
    seen = done = 0
    job.progress(seen, total)
    for size, ids in changed(act, asked, by):
        seen, done = seen + size, done + len(ids)
        job.progress(seen, max(seen, total), f"{done:,} changed")
        if job.cancelled:
            break
    return {"changed": done, "left": seen - done}


def meant(act: str, wanted: Wanted) -> Wanted:
    """Leave this app's own jobs out of a retry: who may retry may not have the right to them."""
    return replace(wanted, but=change_jobs.name) if act == "retry" else wanted


def payload_of(wanted: Wanted) -> dict[str, Any]:
    """Return what is asked for as the argument of a job."""
    return {name: value for name, value in asdict(wanted).items() if value is not None}


OWN = frozenset({change_jobs.name})
