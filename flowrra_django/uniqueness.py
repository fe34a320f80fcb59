"""What a task may say of jobs of which there is to be one at a time, and of those that expire."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from .job import OnDuplicate
from .policy import Seconds

Until = Literal["start", "finish"]
ENDS = ("start", "finish")


def check_uniqueness(
    name: str,
    parameters: Mapping[str, inspect.Parameter],
    *,
    unique: object,
    by: object,
    until: object,
    on_duplicate: object,
) -> None:
    """Raise TypeError or ValueError for what cannot be meant; `name` is the task's."""
    if isinstance(by, str) or not isinstance(by, Sequence):
        raise TypeError(
            f"unique_by of task {name!r} is a tuple of names, got {by!r}. "
            "For one parameter write ('user_id',), with the comma."
        )
    if unique and by:
        raise ValueError(
            f"Task {name!r} has unique=True, which is by all arguments, and unique_by={by!r}. "
            "Keep one of them."
        )
    for wanted in by:
        if wanted not in parameters:
            known = ", ".join(parameters) or "none"
            raise ValueError(
                f"unique_by of task {name!r} names {wanted!r}, which is no parameter of the "
                f"function. Its parameters: {known}."
            )
    if until not in ENDS:
        raise ValueError(f"unique_until of task {name!r} is 'start' or 'finish', got {until!r}.")
    check_on_duplicate(name, on_duplicate, until)


def check_on_duplicate(name: str, on_duplicate: object, until: object) -> None:
    """Raise ValueError for what is no such choice, or does not go with `unique_until`."""
    if on_duplicate not in tuple(OnDuplicate):
        choices = ", ".join(repr(str(choice)) for choice in OnDuplicate)
        raise ValueError(
            f"on_duplicate of task {name!r} is one of {choices}; got {on_duplicate!r}."
        )
    if on_duplicate == OnDuplicate.REPLACE and until != "start":
        raise ValueError(
            f"on_duplicate='replace' of task {name!r} needs unique_until='start': what has begun "
            "to run cannot be replaced."
        )


def check_key(name: str, key: object, *, is_unique: bool) -> None:
    """Raise TypeError or ValueError for what is no idempotency key, or one too many."""
    if not isinstance(key, str):
        raise TypeError(f"A key is a str, got {type(key).__name__}.")
    if not key:
        raise ValueError("A key is not empty. Without one, leave it out.")
    if is_unique:
        raise ValueError(
            f"Task {name!r} is unique by its arguments already, and cannot have a key as well. "
            "Leave the key out, or take unique and unique_by from the task."
        )


def expiry(expires_in: object, name: str = "expires_in") -> timedelta:
    """Return how long a job may wait. Raises TypeError or ValueError for what is no such time."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | timedelta):
        kind = type(expires_in).__name__
        raise TypeError(f"{name} is a number of seconds or a timedelta, got {kind}.")
    length = expires_in if isinstance(expires_in, timedelta) else _length(expires_in, name)
    if length <= timedelta(0):
        raise ValueError(f"{name} must be over 0, got {expires_in}.")
    return length


def _length(seconds: Seconds, name: str) -> timedelta:
    try:
        return timedelta(seconds=seconds)  # type: ignore[arg-type]
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{name} is up to some thousand years, got {seconds}.") from error
