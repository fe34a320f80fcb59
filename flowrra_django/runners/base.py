"""The contract of a runner, and how an exception becomes an outcome."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod

from ..job import ErrorInfo, Failed, Job, Outcome
from ..registry import Task

MAX_TRACEBACK_CHARS = 50_000


class BaseRunner(ABC):
    """Runs jobs of one kind of code. Bound to the event loop that started it.

    `run` never raises but for `CancelledError`, which means that the caller wants the code
    stopped: where the runner can stop it, it has stopped when `CancelledError` comes out.
    """

    @abstractmethod
    async def start(self) -> None:
        """Get ready. What is expensive may wait until the first job."""

    @abstractmethod
    async def run(self, job: Job, task: Task) -> Outcome:
        """Run the job's code once and say what came of it."""

    @abstractmethod
    async def stop(self) -> None:
        """Leave no task, thread or process behind, as far as the runner can stop them."""


def describe(error: BaseException) -> ErrorInfo:
    """Put an exception into words that any store can keep."""
    kind = type(error)
    lines = "".join(traceback.format_exception(error))
    return ErrorInfo(
        message=_message(error),
        type=f"{kind.__module__}.{kind.__qualname__}",
        traceback=storable(_shortened(lines)),
    )


def failed(error: BaseException) -> Failed:
    """Return the outcome of code that raised."""
    return Failed(describe(error), error)


def storable(text: str) -> str:
    """Escape what some store refuses in a text: lone surrogates and NUL."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _message(error: BaseException) -> str:
    try:
        return storable(_shortened(str(error)))
    except Exception as broken:  # a __str__ that raises must not hide the error itself
        return f"<{type(error).__name__}; its str() raised {type(broken).__name__}>"


def _shortened(text: str) -> str:
    if len(text) <= MAX_TRACEBACK_CHARS:
        return text
    half = MAX_TRACEBACK_CHARS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
