"""`@flowrra_task`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, ParamSpec, TypeVar, overload

from . import runtime
from .interop import create_django_task
from .job import DEFAULT_MAX_CRASHES, DEFAULT_QUEUE
from .policy import Errors, RetryDelay, Seconds, Verdict
from .registry import Task, kind_of
from .task import FlowrraTask
from .uniqueness import Until

P = ParamSpec("P")
R = TypeVar("R")


@overload
def flowrra_task(func: Callable[P, R], /) -> FlowrraTask[P, R]: ...


@overload
def flowrra_task(
    *,
    name: str | None = None,
    queue: str = DEFAULT_QUEUE,
    priority: int = 0,
    cpu_bound: bool = False,
    max_retries: int | None = None,
    retry_delay: RetryDelay | None = None,
    retry_on: Errors | Verdict | None = None,
    give_up_on: Errors = (),
    timeout: float | None = None,
    max_crashes: int = DEFAULT_MAX_CRASHES,
    takes_job: bool = False,
    unique: bool = False,
    unique_by: tuple[str, ...] = (),
    unique_until: Until = "finish",
    on_duplicate: Literal["return", "raise", "replace"] = "return",
    expires_in: Seconds | None = None,
) -> Callable[[Callable[P, R]], FlowrraTask[P, R]]: ...


@overload
def flowrra_task(*, backend: str, **options: Any) -> Callable[[Callable[..., Any]], Any]: ...


def flowrra_task(
    func: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    cpu_bound: bool = False,
    backend: str | None = None,
    **options: Any,
) -> Any:
    """Make a function a task: it can still be called, and now also enqueued.

    A coroutine function runs on the worker's event loop, a plain one in a thread, one marked
    `cpu_bound` in a process. The name defaults to `module.qualname`. `max_retries` and
    `retry_delay` (seconds, a list of them, or a `Backoff`) default to the settings'; `retry_on`
    (exception classes, or a function of the error and the number of failures) says what is worth
    another run, `give_up_on` what is not. A run that takes longer than `timeout` seconds is stopped
    and has failed; a thread cannot be stopped, and goes on unheard. `max_crashes` is how often a
    job may lose its process and be run again. With `max_retries=0, max_crashes=0` a job runs at
    most once.

    With `unique`, or the names of parameters in `unique_by`, there is one job at a time with the
    same arguments, until it starts or has finished (`unique_until`); enqueueing another returns
    the first one, raises AlreadyEnqueued, or replaces the first one's arguments and time
    (`on_duplicate`). A job that has not started after `expires_in` is cancelled.

    With `backend`, an alias in TASKS, it is made one of Django's own tasks, with the options of
    Django's decorator (`queue_name`, a `priority` of which a higher number runs first,
    `takes_context`) beside those above but for `name`.

    Raises TypeError for what is no such function, ValueError for an option out of range or a name
    that another task has.
    """
    if backend is not None:
        if name is not None:
            raise TypeError("Django's own tasks are named after their functions. Leave out name.")
        options = {"cpu_bound": cpu_bound, **options}
        decorate_django: Any = partial(create_django_task, backend=backend, **options)
        return decorate_django if func is None else decorate_django(func)

    def decorate(func: Callable[P, R]) -> FlowrraTask[P, R]:
        kind = kind_of(func, cpu_bound=cpu_bound)
        full_name = name or f"{func.__module__}.{func.__qualname__}"
        task = Task(name=full_name, func=func, kind=kind, **options)
        found: FlowrraTask[P, R] = FlowrraTask(runtime.registry.add(task))
        runtime.senders[full_name] = found
        return found

    return decorate if func is None else decorate(func)
