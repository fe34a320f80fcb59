"""What `@flowrra_task` returns: the function itself, and the ways to enqueue a call of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.utils import timezone

from . import runtime
from .engine.dispatch import Call
from .handle import JobHandle
from .registry import Task

P = ParamSpec("P")
R = TypeVar("R")

Arguments = tuple[Any, ...] | Mapping[str, Any]


class FlowrraTask(Generic[P, R]):
    """A task of the site. Calling it calls the function, here and now."""

    __wrapped__: Callable[P, R]

    def __init__(self, definition: Task, **overrides: Any) -> None:
        self.definition = definition
        self._overrides = overrides
        update_wrapper(self, definition.func)

    @property
    def name(self) -> str:
        return self.definition.name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.__wrapped__(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def using(
        self,
        *,
        queue: str | None = None,
        priority: int | None = None,
        run_after: datetime | timedelta | None = None,
    ) -> FlowrraTask[P, R]:
        """Return this task with other options for the calls enqueued through it.

        `run_after` is a moment (a naive one is in the current time zone) or a time from now; a
        lower priority number runs first. Raises TypeError or ValueError for what is no queue's name
        or no such time.
        """
        if queue is not None:
            _check_queue(queue)
        given = {"queue": queue, "priority": priority, "run_after": _due(run_after)}
        changes = {option: value for option, value in given.items() if value is not None}
        return FlowrraTask(self.definition, **{**self._overrides, **changes})

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle:
        """Write a job that will call the function with these arguments; return its handle.

        The job is a part of the current transaction of the ledger's database, and is run after
        its commit. Raises TypeError for arguments that JSON cannot carry, ValueError for too many
        bytes of them.
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


def _check_queue(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"A queue's name is a str, got {type(name).__name__}.")
    if not name:
        raise ValueError("A queue needs a name that is not empty.")


def _due(given: object) -> datetime | timedelta | None:
    if given is None or isinstance(given, timedelta):
        return given
    if not isinstance(given, datetime):
        raise TypeError(f"run_after is a datetime or a timedelta, got {type(given).__name__}.")
    return timezone.make_aware(given) if timezone.is_naive(given) else given
