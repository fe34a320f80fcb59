"""Change many jobs at once, from Python: those that fit, a thousand to a transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial

from . import runtime
from .backends.batches import BATCH, batches
from .backends.selection import Selection
from .job import all_lanes
from .results import AT_REST, FINAL, UNFINISHED, WAITING, TaskStatus

Names = str | Collection[str]
Age = float | timedelta
Change = Callable[[Collection[str], Collection[TaskStatus]], Collection[str]]


def retry_jobs(
    *,
    status: Names = TaskStatus.FAILED,
    task: Names | None = None,
    queue: Names | None = None,
    older_than: Age | None = None,
) -> int:
    """Let jobs that have ended wait again, their counters set back to none; return how many do.

    They are those in one of the states, by default the failed ones, that meet all else that is
    said: the name of the task, or one of several; the queue; enqueued longer ago than
    `older_than`, in seconds or as a timedelta. No job is loaded, and none is visited twice.
    Raises ValueError for a state that a job does not leave in this way.
    """
    chosen = selection(FINAL, status=status, task=task, queue=queue, older_than=older_than)
    return _change(runtime.get_stores().retry, chosen)


def cancel_jobs(
    *,
    status: Names = UNFINISHED,
    task: Names | None = None,
    queue: Names | None = None,
    older_than: Age | None = None,
    by: str = "code",
) -> int:
    """Cancel jobs that wait, and ask it of those that run; return how many there were.

    They are chosen as in `retry_jobs`, by default all that have not ended. `by` is who asks, for
    `TaskResult.cancelled_by`.
    """
    chosen = selection(UNFINISHED, status=status, task=task, queue=queue, older_than=older_than)
    return _change(partial(runtime.get_stores().cancel, by=by), chosen)


def run_jobs_now(
    *,
    status: Names = WAITING,
    task: Names | None = None,
    queue: Names | None = None,
    older_than: Age | None = None,
) -> int:
    """Let jobs that wait be due at once, and go before others; return how many there were.

    They are chosen as in `retry_jobs`, by default all that wait: for their time, for another try,
    or for their turn.
    """
    chosen = selection(WAITING, status=status, task=task, queue=queue, older_than=older_than)
    return _change(runtime.get_stores().run_now, chosen)


def delete_jobs(
    *,
    status: Names = FINAL,
    task: Names | None = None,
    queue: Names | None = None,
    older_than: Age | None = None,
) -> int:
    """Delete jobs; return how many there were.

    They are chosen as in `retry_jobs`, by default all that have ended. One that waits is deleted
    too where its state is named; one that runs never is.
    """
    chosen = selection(AT_REST, status=status, task=task, queue=queue, older_than=older_than)
    return _change(runtime.get_stores().delete, chosen)


def count_jobs(
    *,
    status: Names = tuple(TaskStatus),
    task: Names | None = None,
    queue: Names | None = None,
    older_than: Age | None = None,
) -> int:
    """Return how many jobs there are, chosen as in `retry_jobs`, by default in any state."""
    every = frozenset(TaskStatus)
    chosen = selection(every, status=status, task=task, queue=queue, older_than=older_than)
    return sum(map(len, runtime.get_stores().backend.select(chosen)))


def purge_queue(name: str, *, by: str = "code") -> int:
    """Cancel all that waits on a queue; return how many jobs that were.

    What runs goes on. The jobs are kept as cancelled ones, and can be retried. `by` is as in
    `cancel_jobs`.
    """
    stores, lanes = runtime.get_stores(), all_lanes([name])
    purged, waiting = 0, [""] * BATCH
    while len(waiting) == BATCH:
        waiting = stores.backend.waiting(lanes, BATCH)
        purged += len(stores.cancel(waiting, WAITING, by=by))
    return purged


def selection(
    possible: Collection[TaskStatus],
    *,
    status: Names,
    task: Names | None = None,
    queue: Names | None = None,
    older_than: Age | None = None,
) -> Selection:
    """Return which jobs are meant; ValueError for a state that is not among the possible ones."""
    if isinstance(older_than, timedelta):
        older_than = older_than.total_seconds()
    return Selection(
        statuses=[_state(name, possible) for name in _listed(status) or ()],
        tasks=_listed(task),
        queues=_listed(queue),
        older_than=older_than,
    )


def _change(change: Change, chosen: Selection) -> int:
    """Change the jobs that are chosen, and still in one of the states when their turn comes."""
    found = runtime.get_stores().backend.select(chosen)
    return sum(len(change(ids, chosen.statuses)) for each in found for ids in batches(each))


def _state(name: str, possible: Collection[TaskStatus]) -> TaskStatus:
    if name in possible:
        return TaskStatus(name)
    known = ", ".join(sorted(possible))
    raise ValueError(f"This can be done to jobs that are {known}, and not {name!r}.")


def _listed(names: Names | None) -> list[str] | None:
    return None if names is None else [names] if isinstance(names, str) else list(names)
