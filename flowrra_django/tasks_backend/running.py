"""What a worker calls for a task: its function, with a context if it takes one, in plain JSON."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..engine.events import Started
from ..job import Job
from ..runtime import get_codec
from .dialect import Dialect
from .results import result_of

EXACT = (str, int, float)


def runnable(dialect: Dialect, task: Any) -> Callable[..., Any]:
    """Return the function as workers call it; for a context it takes its `Job` in front."""
    func = task.func

    def arguments(args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (context_of(dialect, task, args[0]), *args[1:]) if task.takes_context else args

    if inspect.iscoroutinefunction(func):

        @wraps(func)
        async def run_coroutine(*args: Any, **kwargs: Any) -> Any:
            return plain(dialect, await func(*arguments(args), **kwargs))

        return run_coroutine

    @wraps(func)
    def run(*args: Any, **kwargs: Any) -> Any:
        return plain(dialect, func(*arguments(args), **kwargs))

    return run


def context_of(dialect: Dialect, task: Any, job: Job) -> Any:
    result = result_of(dialect, task, Started(job).as_result(get_codec()))
    return dialect.context(task_result=result)


def plain(dialect: Dialect, value: Any) -> Any:
    """Return a value as Django normalizes it, of the exact types that JSON has.

    Raises what Django raises: TypeError or ValueError for what is not to be had in JSON.
    """
    return _exact(dialect.normalize(value))


def _exact(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case dict():
            return {_exact(name): _exact(item) for name, item in value.items()}
        case list():
            return [_exact(item) for item in value]
    if type(value) in EXACT:
        return value
    (kind,) = (kind for kind in EXACT if isinstance(value, kind))
    return getattr(kind, f"__{kind.__name__}__")(value)  # whatever a subclass makes of str()
