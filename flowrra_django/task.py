"""What `@flowrra_task` returns: the function itself, and the ways to enqueue a call of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import update_wrapper
from typing import Any, Generic, Literal, Never, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.utils import timezone

from . import runtime
from .engine.dispatch import Call
from .handle import JobHandle
from .interop import DjangoTaskFace
from .overrides import check_portable, meta_of
from .policy import Seconds
from .registry import Task
from .uniqueness import check_key, check_on_duplicate, expiry

P = ParamSpec("P")
R = TypeVar("R")

Arguments = tuple[Any, ...] | Mapping[str, Any]


class FlowrraTask(DjangoTaskFace, Generic[P, R]):
    """A task of the site. Calling it calls the function, here and now.

    It may be passed where one of Django's own is expected.
    """

    __wrapped__: Callable[P, R]

    def __init__(
        self, definition: Task, options: Mapping[str, Any] | None = None, **overrides: Any
    ) -> None:
        self.definition = definition
        self._options = options or {}
        self._overrides = overrides
        update_wrapper(self, definition.func)

    @property
    def name(self) -> str:
        return self.definition.name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def using(  # noqa: PLR0913 - a word for each wish
        self,
        *,
        queue: str | None = None,
        queue_name: str | None = None,
        priority: int | None = None,
        run_after: datetime | timedelta | None = None,
        key: str | None = None,
        on_duplicate: Literal["return", "raise", "replace"] | None = None,
        expires_in: Seconds | None = None,
        max_retries: int | None = None,
        retry_delay: float | Sequence[float] | None = None,
        timeout: float | None = None,
        max_crashes: int | None = None,
        **of_the_task: Never,
    ) -> FlowrraTask[P, R]:
        """Return this task with other options for the calls enqueued through it.

        `run_after` is a moment (a naive one is in the current time zone) or a time from now; a
        lower priority number runs first. Of the jobs of this task with the same `key` there is one
        at a time; `on_duplicate` says what enqueueing another does. A job that has not started
        after `expires_in`, in seconds or a timedelta, is cancelled. `queue_name` is what Django
        calls the queue. The rest is as in the decorator. Raises TypeError or ValueError for what
        cannot be meant, and for what a job's record cannot carry, such as a `Backoff`.
        """
        queue = queue_name if queue is None else queue
        if queue is not None:
            _check_queue(queue)
        self._check_uniqueness(key, on_duplicate)
        limits = _given(
            {
                "max_retries": max_retries,
                "retry_delay": retry_delay,
                "timeout": timeout,
                "max_crashes": max_crashes,
            }
        )
        check_portable({**limits, **of_the_task})
        if of_the_task:
            raise TypeError(f"using() has no option {min(of_the_task)!r}.")
        options = {**self._options, **limits}
        wishes = {
            "queue": queue,
            "priority": priority,
            "run_after": due(run_after),
            "key": key,
            "on_duplicate": on_duplicate,
            "expires_in": None if expires_in is None else expiry(expires_in),
        }
        overrides = {**self._overrides, **_given(wishes), "meta": meta_of(options)}
        return FlowrraTask(replace(self.definition, **limits), options, **overrides)

    def _check_uniqueness(self, key: str | None, on_duplicate: str | None) -> None:
        task = self.definition
        if key is not None:
            check_key(task.name, key, is_unique=task.unique or bool(task.unique_by))
        if on_duplicate is not None:
            check_on_duplicate(task.name, on_duplicate, task.unique_until)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """Write a job that will call the function with these arguments; return its handle.

        The job is a part of the current transaction of the ledger's database, and is run after
        its commit. For a duplicate of a unique job, or of one with the same key, it is the handle
        of the first, or AlreadyEnqueued is raised. Raises TypeError for arguments that JSON cannot
        carry, ValueError for too many bytes of them.
        """
        return JobHandle(*runtime.get_dispatcher().enqueue([self._call(args, kwargs)]))

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """Do what `enqueue` does, from async code."""
        return await sync_to_async(self.enqueue)(*args, **kwargs)

    def enqueue_many(self, calls: Iterable[Arguments]) -> list[JobHandle]:
        """Enqueue many calls, all or none, in one round trip.

        Each is a tuple of arguments or a mapping of keyword arguments.
        """
        prepared = [self._call(*_split(arguments)) for arguments in calls]
        return [JobHandle(task_id) for task_id in runtime.get_dispatcher().enqueue(prepared)]

    async def aenqueue_many(self, calls: Iterable[Arguments]) -> list[JobHandle]:
        """Do what `enqueue_many` does, from async code."""
        return await sync_to_async(self.enqueue_many)(calls)

    def _call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
        return Call(task=self.definition, args=args, kwargs=kwargs, **self._overrides)


def _split(arguments: Arguments) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    if isinstance(arguments, Mapping):
        return (), arguments
    if isinstance(arguments, (tuple, list)):
        return tuple(arguments), {}
    raise TypeError(
        "Each call is a tuple of arguments or a mapping of keyword arguments, "
        f"got {type(arguments).__name__}. For one argument write (value,)."
    )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _check_queue(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"A queue's name is a str, got {type(name).__name__}.")
    if not name:
        raise ValueError("A queue needs a name that is not empty.")


def due(given: object) -> datetime | timedelta | None:
    """Return when a job is due: an aware moment, or a delay.

    Raises TypeError for what is neither.
    """
    if given is None or isinstance(given, timedelta):
        return given
    if not isinstance(given, datetime):
        raise TypeError(f"run_after is a datetime or a timedelta, got {type(given).__name__}.")
    return timezone.make_aware(given) if timezone.is_naive(given) else given
