"""The way in: a call of a task becomes a record in the ledger and an entry in the index."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..job import Job
from ..registry import Task
from ..serialization import encode_call
from .stores import Stores

HIGHEST_PRIORITY = 2**31 - 1  # what a database's integer column holds
AfterCommit = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A task with the arguments to call it with, and what differs from the task's own options.

    `run_after` is an aware moment, or how long to wait from now.
    """

    task: Task
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    queue: str | None = None
    priority: int | None = None
    run_after: datetime | timedelta | None = None


def at_once(push: Callable[[], None]) -> None:
    push()


class Dispatcher:
    """Writes jobs. `after_commit` says when what was written can be seen by others."""

    def __init__(
        self,
        stores: Stores,
        *,
        max_payload_bytes: int | None = None,
        after_commit: AfterCommit = at_once,
    ) -> None:
        self._stores = stores
        self._max_payload_bytes = max_payload_bytes
        self._after_commit = after_commit

    def enqueue(self, calls: Sequence[Call]) -> list[str]:
        """Record all of the calls or none; return their jobs' ids, in the same order.

        Raises TypeError for arguments that the ledger cannot carry, ValueError for more bytes of
        them than `max_payload_bytes`, or either for a priority that is no such number; nothing
        is stored then.
        """
        jobs = [self._job(call) for call in calls]
        if jobs:
            entries = self._stores.backend.record(jobs)
            self._after_commit(lambda: self._stores.broker.push(entries))
        return [job.task_id for job in jobs]

    def _job(self, call: Call) -> Job:
        task = call.task
        args, kwargs = encode_call(self._stores.backend.codec, call.args, call.kwargs)
        if self._max_payload_bytes is not None:
            _check_size(task, args, kwargs, self._max_payload_bytes)
        return Job(
            task_id=uuid.uuid4().hex,
            task_name=task.name,
            kind=task.kind,
            args=args,
            kwargs=kwargs,
            queue=task.queue if call.queue is None else call.queue,
            priority=_checked(task.priority if call.priority is None else call.priority),
            run_after=call.run_after,
            max_crashes=task.max_crashes,
        )


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
