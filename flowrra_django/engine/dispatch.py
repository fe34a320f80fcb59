"""The way in: a call of a task becomes a record in the ledger and an entry in the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ..backends.base import BaseBackend
from ..ids import new_task_id
from ..job import NO_META, Job, OnDuplicate
from ..registry import Task
from ..serialization import JsonCodec, ModelCodec, encode_call
from ..uniqueness import expiry
from .commits import AfterCommit, at_once
from .keys import key_of
from .stores import Stores

HIGHEST_PRIORITY = 2**31 - 1  # what a database's integer column holds
OnEnqueued = Callable[[Sequence[Job]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A task with the arguments to call it with, and what differs from the task's own options.

    `run_after` is an aware moment, or how long to wait from now; `meta` is that of the `Job`, and
    so is `task_id`, which is made up where it is None. `key` says which calls are the same.
    """

    task: Task
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    queue: str | None = None
    priority: int | None = None
    run_after: datetime | timedelta | None = None
    meta: str = NO_META
    task_id: str | None = None
    key: str | None = None
    on_duplicate: OnDuplicate | None = None
    expires_in: timedelta | None = None


MAY_BE_THERE = (
    "If the connection was cut, the job may have been enqueued nevertheless. With a key, as by "
    ".using(key=...), it can be enqueued again without there being two of it at a time."
)


class LateRecord:
    """Records jobs, and tells the index, once: what may be put off until after a transaction.

    `duplicates` is where to note which jobs stand for those that were not recorded. Once it
    `is_put_off` nobody asks for that any more, and they are recorded as cancelled instead.
    """

    def __init__(self, stores: Stores, jobs: Sequence[Job], duplicates: dict[str, str]) -> None:
        self._stores = stores
        self._jobs = jobs
        self._duplicates = duplicates
        self.is_put_off = False

    def __call__(self) -> None:
        jobs, self._jobs = self._jobs, ()
        with _doubt_of_lost_replies(self._stores.backend):
            recorded = self._stores.record(jobs, is_late=self.is_put_off)
        self._duplicates.update(recorded.duplicates)
        self._stores.index(recorded)


class Dispatcher:
    """Writes jobs. `after_commit` says when what the caller has written is there for others.

    A ledger that cannot be a part of the caller's transaction is written to after its commit.
    `on_enqueued` is told of it then.
    """

    def __init__(
        self,
        stores: Stores,
        *,
        max_payload_bytes: int | None = None,
        models: ModelCodec | None = None,
        after_commit: AfterCommit = at_once,
        on_enqueued: OnEnqueued | None = None,
    ) -> None:
        self._stores = stores
        self._max_payload_bytes = max_payload_bytes
        self._key_codec = JsonCodec(models)
        self._after_commit = after_commit
        self._on_enqueued = on_enqueued

    def enqueue(self, calls: Sequence[Call]) -> list[str]:
        """Record all of the calls or none; return their jobs' ids, in the same order.

        For a call whose key another job has, that is the other's id, or AlreadyEnqueued is raised.
        Raises TypeError for arguments that the ledger cannot carry, ValueError for more bytes of
        them than `max_payload_bytes`, or either for a priority that is no such number; nothing
        is stored then.
        """
        jobs = [self._job(call) for call in calls]
        duplicates: dict[str, str] = {}
        if jobs:
            self._write(jobs, duplicates)
            if self._on_enqueued:
                self._after_commit(lambda: self._tell(jobs, duplicates))
        return [duplicates.get(job.task_id, job.task_id) for job in jobs]

    def _write(self, jobs: Sequence[Job], duplicates: dict[str, str]) -> None:
        stores = self._stores
        if stores.backend.joins_transactions:
            with _doubt_of_lost_replies(stores.backend):
                recorded = stores.record(jobs)
            duplicates.update(recorded.duplicates)
            self._after_commit(lambda: stores.index(recorded))
        else:
            late = LateRecord(stores, jobs, duplicates)
            self._after_commit(late)
            late.is_put_off = True

    def _tell(self, jobs: Sequence[Job], duplicates: Mapping[str, str]) -> None:
        new = [job for job in jobs if job.task_id not in duplicates]
        if new and self._on_enqueued:
            self._on_enqueued(new)

    def _job(self, call: Call) -> Job:
        task = call.task
        args, kwargs = encode_call(self._stores.backend.codec, call.args, call.kwargs)
        if self._max_payload_bytes is not None:
            _check_size(task, args, kwargs, self._max_payload_bytes)
        return Job(
            task_id=call.task_id or new_task_id(),
            task_name=task.name,
            kind=task.kind,
            args=args,
            kwargs=kwargs,
            queue=task.queue if call.queue is None else call.queue,
            priority=_checked(task.priority if call.priority is None else call.priority),
            run_after=call.run_after,
            max_crashes=task.max_crashes,
            meta=call.meta,
            unique_key=key_of(task, call.args, call.kwargs, call.key, self._key_codec),
            on_duplicate=OnDuplicate(call.on_duplicate or task.on_duplicate),
            expires_in=_expiry(call),
        )


@contextmanager
def _doubt_of_lost_replies(backend: BaseBackend) -> Iterator[None]:
    """Note in an error of a store that went away that it may have done first what it was asked."""
    try:
        yield
    except Exception as error:
        if backend.is_outage(error):
            error.add_note(MAY_BE_THERE)
        raise


def _expiry(call: Call) -> timedelta | None:
    """Return how long the job may wait; ValueError if it would expire before it is due."""
    expires_in = call.expires_in
    if expires_in is None and call.task.expires_in is not None:
        expires_in = expiry(call.task.expires_in)
    if expires_in is None or call.run_after is None:
        return expires_in
    due = call.run_after
    delay = due if isinstance(due, timedelta) else due - datetime.now(UTC)
    if delay >= expires_in:
        raise ValueError(
            f"A job of task {call.task.name!r} would expire after {expires_in}, and is to run "
            f"after {delay}. Both count from now: make expires_in longer than run_after."
        )
    return expires_in


def _checked(priority: int) -> int:
    if not isinstance(priority, int):
        raise TypeError(f"A priority is an integer, got {type(priority).__name__}.")
    if not -HIGHEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        limits = f"from {-HIGHEST_PRIORITY} to {HIGHEST_PRIORITY}"
        raise ValueError(f"A priority is {limits}, got {priority}.")
    return priority


def _check_size(task: Task, args: Any, kwargs: Any, limit: int) -> None:
    if not (isinstance(args, str) and isinstance(kwargs, str)):
        return
    characters = len(args) + len(kwargs)
    if characters * 4 <= limit:  # no UTF-8 character takes more
        return
    size = len(args.encode()) + len(kwargs.encode())
    if size > limit:
        raise ValueError(
            f"The arguments of task {task.name!r} take {size} bytes, and the limit is {limit}. "
            "Store them elsewhere and pass a reference, or raise MAX_PAYLOAD_BYTES."
        )
