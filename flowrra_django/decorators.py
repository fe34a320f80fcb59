"""`@flowrra_task`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from . import runtime
from .job import DEFAULT_MAX_CRASHES, DEFAULT_QUEUE
from .registry import Task, kind_of
from .task import FlowrraTask

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
    retry_delay: float | None = None,
    max_crashes: int = DEFAULT_MAX_CRASHES,
) -> Callable[[Callable[P, R]], FlowrraTask[P, R]]: ...


def flowrra_task(
    func: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    cpu_bound: bool = False,
    **options: Any,
) -> Any:
    """Make a function a task: it can still be called, and now also enqueued.

    A coroutine function runs on the worker's event loop, a plain one in a thread, one marked
    `cpu_bound` in a process. The name defaults to `module.qualname`. `max_retries` and
    `retry_delay` (seconds) default to the settings'; `max_crashes` is how often a job may lose
    its process and be run again. With `max_retries=0, max_crashes=0` a job runs at most once.

    Raises TypeError for what is no such function, ValueError for an option out of range or a name
    that another task has.
    """

    def decorate(func: Callable[P, R]) -> FlowrraTask[P, R]:
        kind = kind_of(func, cpu_bound=cpu_bound)
        full_name = name or f"{func.__module__}.{func.__qualname__}"
        task = Task(name=full_name, func=func, kind=kind, **options)
        return FlowrraTask(runtime.registry.add(task))

    return decorate if func is None else decorate(func)
