"""Forks that a job's code makes. One that comes out of that code ends there.

It would go on as the worker: run the same jobs as that does, or wait for others for ever.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any


class _Line:
    """How many forks lead to this process. Far less to ask for, at every step, than its id."""

    forks = 0

    @classmethod
    def fork(cls) -> None:
        cls.forks += 1


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_Line.fork)


def called(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Return what the function returns, in this process alone."""
    forks = _Line.forks
    try:
        return func(*args, **kwargs)
    finally:
        _end_unless(forks)


def awaited(func: Callable[..., Any], args: Any, kwargs: Any) -> Awaitable[Any]:
    """Return what gives the result of the coroutine function, in this process alone."""
    return _Steps(_awaited(func, args, kwargs))


async def _awaited(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    return await func(*args, **kwargs)


class _Steps(Generator[Any, Any, Any]):
    """Takes a coroutine from one await to the next.

    Before a step, too, this may be a fork: of another job, which had the event loop before.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._forks = _Line.forks

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def __next__(self) -> Any:  # inherited, it would show in the tracebacks of jobs
        return self._step(self._coroutine.send, None)

    def send(self, value: Any) -> Any:
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._coroutine.throw, *error)

    def _step(self, step: Callable[..., Any], *values: Any) -> Any:
        _end_unless(self._forks)
        try:
            return step(*values)
        finally:
            _end_unless(self._forks)


def _end_unless(forks: int) -> None:
    """End this process if more forks lead to it."""
    if _Line.forks != forks:
        os._exit(0)
