"""What `TaskBackendContract` enqueues. A worker has to import this module, or find it in TASKS."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..interop import TASKS_MODULE

task: Any = import_module(TASKS_MODULE).task


@task
def add(first: int, second: int = 0) -> int:
    return first + second


@task
async def add_in_coroutine(first: int, second: int = 0) -> int:
    return first + second


@task
def echo(*args: Any, **kwargs: Any) -> list[Any]:
    return [args, kwargs]


@task
def nothing() -> None:
    pass


@task
def fail(message: str) -> None:
    raise ValueError(message)


@task
def leave(message: str) -> None:
    raise SystemExit(message)


@task
def unspeakable() -> object:
    return object()


@task(takes_context=True)
def tell_context(context: Any, value: str) -> list[Any]:
    result = context.task_result
    return [result.id, context.attempt, result.args, len(result.worker_ids), result.status, value]
