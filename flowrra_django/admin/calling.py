"""The arguments of a task as somebody types them: JSON that fits the function's signature."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple, get_type_hints

import orjson

from ..registry import Task

PLAIN = (bool, int, float, str, list, dict)
WORDS = {
    bool: "true or false", int: "an integer", float: "a number", str: "a text", list: "a list",
    dict: "an object",
}  # fmt: skip


class Arguments(NamedTuple):
    """What a function is to be called with."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


def example_of(task: Task) -> str:
    """Return JSON to begin with: an object with all parameters that have to be given."""
    needed = {
        name: None
        for name, parameter in task.signature.parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    return orjson.dumps(needed, option=orjson.OPT_INDENT_2).decode()


def read_arguments(task: Task, text: str) -> Arguments:
    """Return the arguments that a text holds: a list, or an object by their names.

    Raises ValueError, in words, for what is no JSON, or does not fit the function.
    """
    try:
        given = orjson.loads(text.strip() or "{}")
    except orjson.JSONDecodeError as error:
        raise ValueError(f"This is not JSON: {error}.") from error
    if not isinstance(given, list | dict):
        raise ValueError("Write a list of arguments, or an object with arguments by name.")  # noqa: TRY004
    found = Arguments(tuple(given), {}) if isinstance(given, list) else Arguments((), given)
    try:
        bound = task.signature.bind(*found.args, **found.kwargs)
    except TypeError as error:
        raise ValueError(f"This does not fit the function: {error}.") from error
    _check_types(task, bound)
    return found


def _check_types(task: Task, bound: inspect.BoundArguments) -> None:
    """Raise ValueError for an argument that is not of the plain type that is declared for it."""
    try:
        hints = get_type_hints(task.func)
    except Exception:
        return
    for name, value in bound.arguments.items():
        hint = hints.get(name)
        parameter = bound.signature.parameters[name]
        if hint in PLAIN and not _is_variadic(parameter) and not _fits(value, hint):
            raise ValueError(f"{name} is to be {WORDS[hint]}.")


def _is_variadic(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float) if hint is float else isinstance(value, hint)
