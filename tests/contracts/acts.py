"""What the contract suites do to stores, in a word each."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flowrra_django.backends.answers import Beat, WorkerInfo
from flowrra_django.backends.base import BaseBackend
from flowrra_django.engine.stores import Stores
from flowrra_django.job import (
    Crashed,
    ErrorInfo,
    Failed,
    GivenBack,
    Job,
    Kind,
    Lane,
    Outcome,
    Succeeded,
)
from flowrra_django.registry import Task
from flowrra_django.results import TaskResult, TaskStatus
from flowrra_django.retry import Limits, Release, Settlement, settle

IO = Lane("default", Kind.IO)
FAULT = ErrorInfo("no luck", "builtins.ValueError", "Traceback …")
LOSS = ErrorInfo("the child is gone", "builtins.RuntimeError")


class Undo(Exception):
    """Rolls a transaction back."""


def new_job(backend: BaseBackend, *args: Any, **options: Any) -> Job:
    """Return a job that no ledger has yet; `options` are fields of `Job`."""
    encode = backend.codec.encode
    fields = {"task_id": uuid.uuid4().hex, "task_name": "tests.add", "kind": Kind.IO, **options}
    return Job(args=encode([*args]), kwargs=encode({}), **fields)


def record(backend: BaseBackend, *args: Any, **options: Any) -> str:
    """Record one job; return its id."""
    job = new_job(backend, *args, **options)
    backend.record([job])
    return job.task_id


def record_many(backend: BaseBackend, count: int, **options: Any) -> list[str]:
    jobs = [new_job(backend, **options) for _ in range(count)]
    backend.record(jobs)
    return [job.task_id for job in jobs]


def enqueue(stores: Stores, *args: Any, **options: Any) -> str:
    """Record one job and tell the index; return its id."""
    job = new_job(stores.backend, *args, **options)
    stores.broker.push(stores.backend.record([job]))
    return job.task_id


def enlist(backend: BaseBackend, *worker_ids: str) -> None:
    for worker_id in worker_ids:
        backend.enlist(WorkerInfo(worker_id=worker_id))


def claim(backend: BaseBackend, worker_id: str, task_id: str) -> Job:
    """Claim one job that waits and is due."""
    (job,) = backend.claim(worker_id, [task_id]).jobs
    return job


def claim_new(backend: BaseBackend, worker_id: str, **options: Any) -> Job:
    """Record a job, and claim it for a worker."""
    enlist(backend, worker_id)
    return claim(backend, worker_id, record(backend, **options))


def beat_of(backend: BaseBackend, worker_id: str) -> Beat:
    """Return the last beat of a worker that is enlisted."""
    (beat,) = [beat for beat in backend.beats() if beat.worker.worker_id == worker_id]
    return beat


def rescue(backend: BaseBackend, worker_id: str) -> list[str]:
    """Give a worker up that has not beaten since; return the ids of what waits again."""
    beat_at = beat_of(backend, worker_id).at
    return [entry.task_id for entry in backend.rescue(worker_id, beat_at).waiting]


def result_of(backend: BaseBackend, task_id: str) -> TaskResult:
    return backend.results([task_id])[task_id]


def status_of(backend: BaseBackend, task_id: str) -> TaskStatus:
    return result_of(backend, task_id).status


# What runs leave behind


def written(
    job: Job, outcome: Outcome, *, retries: int = 0, delay: float = 0.0, worker: str = "w"
) -> Any:
    """Return what the outcome of a run makes of a job: a Settlement, or a Release."""
    task = Task(name=job.task_name, func=new_job, kind=job.kind)
    return settle(job, task, outcome, defaults=Limits(retries, delay), worker=worker, seconds=0.5)


def success(job: Job, result: Any = None) -> Settlement:
    """Return the settlement of a job that returned; `result` is in the ledger's form."""
    return written(job, Succeeded(result))


def failure(job: Job, error: ErrorInfo = FAULT) -> Settlement:
    """Return the settlement of a job that raised, for the last time."""
    return written(job, Failed(error))


def to_retry(job: Job, delay: float = 0.0) -> Settlement:
    """Return the settlement of a job that raised, and is to run again after `delay` seconds."""
    return written(job, Failed(FAULT), retries=1000, delay=delay)


def crash(job: Job) -> Settlement:
    return written(job, Crashed(LOSS))


def give_back(job: Job) -> Release:
    return written(job, GivenBack("The worker stopped.", started=False))


# Together


def at_once(stores: Stores, calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """Make the calls at the same time, each on a thread of its own; return what they return."""
    calls = list(calls)
    start = threading.Barrier(len(calls))

    def make(call: Callable[[], Any]) -> Any:
        try:
            start.wait(10)
            return call()
        finally:
            stores.broker.close()
            stores.backend.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def elsewhere(stores: Stores, call: Callable[[], Any]) -> Any:
    """Make the call on another thread, and so on another connection."""
    return at_once(stores, [call])[0]
