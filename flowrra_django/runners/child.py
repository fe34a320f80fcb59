"""What a CPU child does: it gets ready, then runs one call after another."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..job import ErrorInfo
from ..serialization import Codec
from .base import describe
from .calls import pack_error, pack_result, unpack_call, unpickled
from .reference import find_function

Surround = Callable[[], AbstractContextManager[object]]


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


def prepare(setup: bytes) -> ErrorInfo | tuple[str, ...]:
    """Get ready. Return the modules that should have been preloaded, or what went wrong."""
    try:
        return _prepare(unpickled(setup))
    except BaseException as error:  # the pool might choke on it
        return describe(error)


def run_call(path: str, call: bytes) -> bytes:
    """Run the function at `module:qualname`; return the packed outcome."""
    try:
        return _run(path, call)
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
    with _Child.surround():
        args, kwargs = unpack_call(path, call)
        result = _called(func, codec.decode(args), codec.decode(kwargs))
        return pack_result(path, codec.encode(result))


def _called(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    pid = os.getpid()
    try:
        return func(*args, **kwargs)
    finally:
        if os.getpid() != pid:  # a fork that the code made: left alone it would take others' jobs
            os._exit(0)


def _flush() -> None:
    """Have what a job printed seen as soon as it is over."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
            stream.flush()
