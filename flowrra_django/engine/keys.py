"""The key of which a ledger lets one job at a time have it: a digest of what is to be the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from ..forms import MARK
from ..job import UNTIL_START
from ..registry import Task
from ..serialization import JsonCodec

UNORDERED = {"set", "frozenset", "dict"}  # forms whose items come in no order, or in any


def key_of(
    task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any], key: str | None, codec: JsonCodec
) -> str | None:
    """Return the key of a call, by its own `key` or by its arguments; None if it needs none.

    Keys of two tasks are never the same, nor is one by arguments the same as one that was given.
    Raises TypeError for arguments that the function does not take, or that JSON cannot carry.
    """
    if key is not None:
        what = f"key\0{key}"
    elif task.unique or task.unique_by:
        what = f"arguments\0{_text(task, args, kwargs, codec)}"
    else:
        return None
    text = f"{task.name}\0{what}".encode("utf-8", "surrogatepass")
    prefix = UNTIL_START if task.unique_until == "start" else ""
    return prefix + hashlib.sha256(text).hexdigest()


def _text(task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any], codec: JsonCodec) -> str:
    """Return the arguments that count, by name, as text that is the same for equal ones."""
    named = _named(task, args, kwargs)
    counted = {name: named[name] for name in task.unique_by} if task.unique_by else named
    tagged = orjson.loads(codec.encode(counted, f"arguments of the unique task {task.name!r}"))
    return orjson.dumps(_in_order(tagged), option=orjson.OPT_SORT_KEYS).decode()


def _named(task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return all arguments by the names of their parameters, defaults too."""
    try:
        bound = task.signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"Task {task.name!r} cannot be called like this: {error}.") from error
    bound.apply_defaults()
    return dict(bound.arguments)


def _in_order(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(MARK) in UNORDERED:
        items = [_in_order(item) for item in value["v"]]
        return {**value, "v": sorted(items, key=_sort_text)}
    return {name: _in_order(item) for name, item in value.items()}


def _sort_text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
