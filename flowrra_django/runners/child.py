"""What a CPU child does: it gets ready, then runs one call after another."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from ..context import Run, enter as enter_run
from ..job import ErrorInfo
from ..serialization import Codec
from .base import Surround, describe
from .calls import pack_error, pack_result, unpack_call, unpickled
from .forks import called
from .reference import find_function
from .shield import enter
from .telling import Teller


@dataclass(frozen=True, slots=True)
class Setup:
    """What a child has to know before its first call. Callables may be dotted paths."""

    codec: Codec
    preload: tuple[str, ...] = ()
    initializer: Callable[[], object] | str | None = None
    surround: Surround | str = nullcontext


class _Child:
    """What this process is once it is a child."""

    codec: Codec
    surround: Surround
    teller: Teller


class ChildRun(Run):
    """An attempt at a job of this child."""

    __slots__ = ()

    def on_told(self) -> None:
        """Tell the process that runs it."""
        _Child.teller.note(self)


def begin(lifeline: Connection, telling: Connection) -> None:
    """Make this process a child, which tells through a pipe what its jobs do."""
    enter(lifeline)
    _Child.teller = Teller(telling)


def prepare(setup: bytes) -> ErrorInfo | tuple[str, ...]:
    """Get ready. Return the modules that should have been preloaded, or what went wrong."""
    try:
        return _prepare(unpickled(setup))
    except BaseException as error:  # the pool might choke on it
        return describe(error)


def run_call(path: str, call: bytes) -> bytes:
    """Run the function at `module:qualname` in a context of its own; return the packed outcome."""
    try:
        return contextvars.copy_context().run(_run, path, call)
    except BaseException as error:  # SystemExit and its like are the job's failure alone
        return pack_error(error)
    finally:
        _flush()


def _prepare(setup: Setup) -> tuple[str, ...]:
    missing = tuple(name for name in setup.preload if name not in sys.modules)
    for name in missing:
        import_module(name)
    _Child.codec = setup.codec
    _Child.surround = _found(setup.surround)
    if setup.initializer is not None:
        _found(setup.initializer)()
    return missing


def _found(function: Callable[..., Any] | str) -> Callable[..., Any]:
    if isinstance(function, str):
        return find_function(":".join(function.rsplit(".", 1)))
    return function


def _run(path: str, call: bytes) -> bytes:
    func = find_function(path)
    codec = _Child.codec
    facts, args, kwargs, job = unpack_call(path, call)
    run = ChildRun(facts)
    enter_run(run)
    try:
        with _Child.surround():
            if job is not None:
                func = partial(func, job)
            result = called(func, codec.decode(args), codec.decode(kwargs))
            return pack_result(path, codec.encode(result))
    finally:
        _Child.teller.finish(run)


def _flush() -> None:
    """Have what a job printed seen as soon as it is over."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
            stream.flush()
