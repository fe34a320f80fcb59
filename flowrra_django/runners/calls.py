"""How a call goes to a child, and how what came of it returns: pickled, never breaking a pool."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..context import Facts
from ..job import ErrorInfo, Failed, Job, Outcome, Succeeded
from .base import describe, failed


@dataclass(frozen=True, slots=True)
class _Raised:
    """An exception in words, and pickled where that is possible."""

    error: ErrorInfo
    exception: bytes | None


def unpickled(pickled: bytes) -> Any:
    """Rebuild what this process or its child pickled for the other, and nothing else."""
    return pickle.loads(pickled)  # noqa: S301


def packed(value: Any) -> bytes:
    """Pickle what this package itself has made."""
    return pickle.dumps(value)


def pack_call(path: str, facts: Facts, args: Any, kwargs: Any, job: Job | None = None) -> bytes:
    """Pickle what is known of the run, the raw arguments, and the job for who takes it.

    Raises TypeError naming the argument that cannot be pickled.
    """
    try:
        return pickle.dumps((facts, args, kwargs, job))
    except Exception as error:
        place = _first_unpicklable(args, kwargs)
        raise TypeError(f"{place} of {path} cannot be pickled for its process: {error}") from error


def unpack_call(path: str, call: bytes) -> tuple[Facts, Any, Any, Job | None]:
    """Return what `pack_call` packed. Raises TypeError if an argument cannot be rebuilt here."""
    try:
        facts, args, kwargs, job = unpickled(call)
    except Exception as error:
        raise TypeError(f"The arguments of {path} cannot be unpickled: {error}") from error
    return facts, args, kwargs, job


def pack_result(path: str, result: Any) -> bytes:
    """Pickle what the code returned. Raises TypeError if that cannot be."""
    try:
        return pickle.dumps(Succeeded(result))
    except Exception as error:
        kind = type(result).__qualname__
        raise TypeError(f"The result ({kind}) of {path} cannot be pickled: {error}") from error


def pack_error(error: BaseException) -> bytes:
    """Pickle what the code raised: always in words, and itself if it survives that."""
    info = describe(error)
    # A script's own classes are in another module where the script is not the main program.
    kind = info.type.replace("__mp_main__.", "__main__.", 1)
    return pickle.dumps(_Raised(replace(info, type=kind), _pickled(error)))


def unpack_outcome(path: str, reply: bytes) -> Outcome:
    """Return the outcome that `pack_result` or `pack_error` packed."""
    try:
        content = unpickled(reply)
    except (Exception, SystemExit) as error:  # values are rebuilt by code of their own
        unusable = TypeError(f"The result of {path} cannot be unpickled: {error}")
        unusable.__cause__ = error
        return failed(unusable)
    return _failed(content) if isinstance(content, _Raised) else content


def _failed(raised: _Raised) -> Failed:
    try:
        exception = unpickled(raised.exception) if raised.exception else None
    except (Exception, SystemExit):  # it can be rebuilt in the child only
        exception = None
    return Failed(raised.error, exception)


def _pickled(error: BaseException) -> bytes | None:
    """Return None for an exception that cannot be rebuilt, as many with an own `__init__`."""
    try:
        pickled = pickle.dumps(error)
        is_whole = isinstance(unpickled(pickled), BaseException)
    except BaseException:
        return None
    return pickled if is_whole else None


def _first_unpicklable(args: Any, kwargs: Any) -> str:
    arguments = dict(enumerate(args, 1)) if isinstance(args, list | tuple) else {}
    arguments |= kwargs if isinstance(kwargs, Mapping) else {}
    for name, value in arguments.items():
        try:
            pickle.dumps(value)
        except Exception:
            return f"Argument {name!r} ({type(value).__qualname__})"
    return "An argument"
