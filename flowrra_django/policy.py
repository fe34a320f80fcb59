"""When a job that failed is run again: what a task says of it, and what its code may raise."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .exceptions import FlowrraError


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow: `base` seconds after the first failure, `factor` times more after each.

    None is over `max` seconds. `jitter` is the part of a delay, from 0 to 1, that is left to
    chance, so that jobs that failed together are not all run again together.
    """

    base: float = 1.0
    factor: float = 2.0
    max: float = 3600.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        for name in ("base", "max"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} of a Backoff is 0 or more, got {getattr(self, name)}.")
        if self.factor < 1:
            raise ValueError(f"factor of a Backoff is 1 or more, got {self.factor}.")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter of a Backoff is from 0 to 1, got {self.jitter}.")

    def after(self, failures: int) -> float:
        """Return the seconds to wait after so many failures."""
        try:
            delay = min(self.max, self.base * self.factor ** (failures - 1))
        except OverflowError:
            delay = self.max
        return delay * (1 - self.jitter * random.random())  # noqa: S311 - chance, no secret


Seconds = float | timedelta
RetryDelay = float | Sequence[float] | Backoff
Errors = type[BaseException] | tuple[type[BaseException], ...]
Verdict = Callable[[BaseException, int], bool | Seconds]


class Retry(FlowrraError):  # noqa: N818 - it asks for something, and is no error
    """Raised by a task to be run again after so long, or after its usual delay.

    It counts as a failure: after `max_retries` of them the job has failed.
    """

    def __init__(self, message: str = "", *, after: Seconds | None = None) -> None:
        self.after = after
        super().__init__(message or "The task asks to be run again.")

    def __reduce__(self) -> tuple[Any, ...]:
        return _retry, (str(self), self.after)


class GiveUp(FlowrraError):  # noqa: N818 - likewise
    """Raised by a task to have failed for good, whatever retries are left."""


def delay_after(delay: RetryDelay, failures: int) -> float:
    """Return the seconds to wait after so many failures; the last of a list serves for the rest."""
    if isinstance(delay, Backoff):
        return delay.after(failures)
    if isinstance(delay, Sequence):
        return delay[min(failures, len(delay)) - 1]
    return delay


def check_delay(delay: RetryDelay | None, name: str) -> None:
    """Raise TypeError or ValueError for what is no delay."""
    if delay is None or isinstance(delay, Backoff):
        return
    each = list(delay) if isinstance(delay, list | tuple) else [delay]
    if not each:
        raise ValueError(f"{name} is empty. Give a delay for the first retry at least.")
    for seconds in each:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            kind = type(seconds).__name__
            raise TypeError(f"{name} is seconds, a list of them or a Backoff, got {kind}.")
        if not seconds >= 0:
            raise ValueError(f"{name} must be 0 or more, got {seconds}.")


def check_errors(errors: object, name: str, *, or_function: bool = False) -> None:
    """Raise TypeError for what are no exception classes, nor a function where that will do."""
    each = errors if isinstance(errors, tuple) else (errors,)
    if errors is None or all(isinstance(e, type) and issubclass(e, BaseException) for e in each):
        return
    if or_function and callable(errors) and not isinstance(errors, type):
        return
    wanted = "exception classes" + (" or a function (error, failures)" if or_function else "")
    raise TypeError(f"{name} is a tuple of {wanted}, got {errors!r}.")


def in_seconds(length: Seconds) -> float:
    """Return a length of time in seconds; what is past is now."""
    return max(0.0, length.total_seconds() if isinstance(length, timedelta) else float(length))


def _retry(message: str, after: Seconds | None) -> Retry:
    return Retry(message, after=after)
