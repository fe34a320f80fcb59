"""`run_jobs`, and what it asks of the thread that it is called on."""

from __future__ import annotations

import asyncio

from .. import runtime
from ..exceptions import FlowrraError
from ..results import TaskResult
from .waiting import EVERY, tell_index
from .worker import InlineWorker, enlisted

RUNAWAY = 1000


def run_jobs(
    queue: str | None = None,
    *,
    limit: int | None = None,
    until_empty: bool = True,
    scheduled: bool = False,
    raise_errors: bool = False,
) -> list[TaskResult]:
    """Run what is enqueued, here and now; return the jobs that ran, as they stand afterwards.

    They run one after the other, in the order in which a worker would take them, and with them
    what they enqueue; a job that fails is retried without delay. With `until_empty=False` each job
    that is due now runs once, and what comes of it waits. `limit` is how many runs there may be,
    retries included. A job whose `run_after` is to come waits, unless `scheduled`: then it runs as
    if its time had come, after what is due. With `raise_errors` the exception of the first job
    that fails for good is raised, once it is recorded.

    Raises FlowrraError on a running event loop, and after 1000 runs if no limit is given.
    """
    refuse_event_loop()
    stores = runtime.get_stores()
    tell_index(stores)
    with enlisted(stores, raise_errors=raise_errors) as worker:
        if until_empty:
            ran = _run_all(worker, queue, limit, scheduled=scheduled)
        else:
            ran = _run_once(worker, queue, limit, scheduled=scheduled)
    results = stores.backend.results(ran)
    return [results[task_id] for task_id in dict.fromkeys(ran) if task_id in results]


def _run_all(
    worker: InlineWorker, queue: str | None, limit: int | None, *, scheduled: bool
) -> list[str]:
    ran: list[str] = []
    while limit is None or len(ran) < limit:
        jobs = worker.take(queue, 1)
        if not jobs and not (scheduled and worker.hasten(queue, 1)):
            break
        if limit is None and len(ran) + len(jobs) > RUNAWAY:
            worker.give_back(jobs)
            raise FlowrraError(
                f"{RUNAWAY} runs, and no end. If that is what the test wants, give it a limit."
            )
        ran += worker.run(jobs)
    return ran


def _run_once(
    worker: InlineWorker, queue: str | None, limit: int | None, *, scheduled: bool
) -> list[str]:
    most = EVERY if limit is None else limit
    if scheduled:
        worker.hasten(queue, most)
    return worker.run(worker.take(queue, most))


def refuse_event_loop() -> None:
    """Raise FlowrraError on a thread whose event loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise FlowrraError(
        "Jobs would run on this thread, which is running an event loop. From async code enqueue "
        "with aenqueue(), and run what is enqueued with sync_to_async(run_jobs)()."
    )
