"""Tasks come in two dialects that differ in their classes alone: Django's, and the package's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The classes, exceptions and signals of one of them. `name` is that of its module."""

    name: str
    task: type[Any]
    result: type[Any]
    error: type[Any]
    context: type[Any]
    status: Any
    invalid_task: type[Exception]
    invalid_backend: type[Exception]
    no_result: type[Exception]
    enqueued: Any
    started: Any
    finished: Any
    backends: Any
    normalize: Callable[[Any], Any]


DIALECTS: dict[str, Dialect] = {}
"""Those that the site uses, by name."""


def dialect_of(noted: Mapping[str, Any]) -> Dialect | None:
    """Return the dialect that a job was enqueued in, going by what was noted of it."""
    return DIALECTS.get(noted.get("tasks", ""))
