"""What is enqueued: listed, compared with what was expected, and cleared away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import runtime
from ..backends.batches import BATCH
from ..results import TaskResult
from ..serialization import Codec, Reference
from ..task import FlowrraTask
from .waiting import lanes_of, record_late, waiting_jobs

SHOWN_JOBS = 20
SHOWN_CHARACTERS = 300


def enqueued_jobs(task: FlowrraTask[..., Any] | None = None) -> list[TaskResult]:
    """Return the jobs that wait, scheduled ones too, in the order in which they were enqueued."""
    record_late()
    jobs = waiting_jobs(runtime.get_stores().backend)
    return [job for job in jobs if task is None or job.task_name == task.name]


def assert_enqueued(
    task: FlowrraTask[..., Any],
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    queue: str | None = None,
    count: int | None = None,
) -> list[TaskResult]:
    """Return the jobs of the task that wait and are as described; fail if there are none.

    What is not given is not compared. `count` is how many there have to be; it may be 0. Raises
    AssertionError that lists what waits.
    """
    __tracebackhide__ = True
    codec = runtime.get_stores().backend.codec
    jobs = enqueued_jobs()
    found = [
        job
        for job in jobs
        if job.task_name == task.name
        and (queue is None or job.queue == queue)
        and (args is None or _are_same(codec, dict(enumerate(args)), dict(enumerate(job.args))))
        and (kwargs is None or _are_same(codec, kwargs, job.kwargs))
    ]
    if not found if count is None else len(found) != count:
        given = {"args": args, "kwargs": kwargs, "queue": queue}
        raise AssertionError(_complaint(_described(task, given), count, len(found), jobs))
    return found


def clear_jobs() -> None:
    """Delete every job that waits or has ended.

    A ledger in the database is rolled back with the test; one in memory is not, and needs this
    after each.
    """
    stores = runtime.get_stores()
    backend = stores.backend
    record_late()
    while waiting := backend.waiting(lanes_of(backend, None), BATCH):
        stores.cancel(waiting)
    while backend.prune(older_than=-1.0, limit=BATCH):
        pass


def _are_same(codec: Codec, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> bool:
    return expected.keys() == found.keys() and all(
        _is_same(codec, value, found[name]) for name, value in expected.items()
    )


def _is_same(codec: Codec, expected: Any, found: Any) -> bool:
    """Compare as given, for `mock.ANY` and its like, and then as the ledger keeps it."""
    return bool(expected == found) or codec.decode(codec.encode(expected), strict=False) == found


def _described(task: FlowrraTask[..., Any], given: Mapping[str, Any]) -> str:
    conditions = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    return f"{task.name} with {', '.join(conditions)}" if conditions else task.name


def _complaint(wanted: str, count: int | None, found: int, jobs: Sequence[TaskResult]) -> str:
    number = "at least one" if count is None else count
    noun = "job" if count in {None, 1} else "jobs"
    lines = [f"Expected {number} waiting {noun} of {wanted}; found {found or 'none'}."]
    if not jobs:
        lines.append("No job waits. One that has run is not counted.")
    else:
        lines.append(f"{len(jobs)} {'waits' if len(jobs) == 1 else 'wait'}:")
    lines += [f"  {_shown(job)}" for job in jobs[:SHOWN_JOBS]]
    if len(jobs) > SHOWN_JOBS:
        lines.append(f"  … and {len(jobs) - SHOWN_JOBS} more")
    return "\n".join(lines)


def _shown(job: TaskResult) -> str:
    """Return a job as the call that would enqueue it."""
    arguments = [_text(value) for value in job.args]
    arguments += [f"{name}={_text(value)}" for name, value in job.kwargs.items()]
    call = f"{job.task_name}({', '.join(arguments)})"
    if len(call) > SHOWN_CHARACTERS:
        call = f"{call[:SHOWN_CHARACTERS]}…"
    priority = f", priority {job.priority}" if job.priority else ""
    scheduled = f", after {job.run_after.isoformat(' ', 'seconds')}" if job.run_after else ""
    return f"{call} on {job.queue!r}{priority}{scheduled}"


def _text(value: Any) -> str:
    return str(value) if isinstance(value, Reference) else repr(value)
