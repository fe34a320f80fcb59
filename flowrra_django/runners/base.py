"""The contract of a runner, and how an exception becomes an outcome."""

from __future__ import annotations

import os
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from ..job import ErrorInfo, Failed, Job, Outcome
from ..registry import Task
from ..reports import storable

MAX_TRACEBACK_CHARS = 50_000
HERE = f"{Path(__file__).parent}{os.sep}"

Surround = Callable[[], AbstractContextManager[object]]
Begun = Callable[[], object]


def unnoticed() -> None:
    """Be the `begun` of a run whose beginning nobody waits for."""


class BaseRunner(ABC):
    """Runs jobs of one kind of code. Bound to the event loop that started it.

    `run` never raises but for `CancelledError`, which means that the caller wants the code
    stopped: where the runner can stop it, it has stopped when `CancelledError` comes out.
    """

    can_stop: ClassVar[bool] = True
    """Whether code that runs can be stopped."""

    @property
    def abandoned(self) -> int:
        """How many jobs were given up whose code goes on, since it cannot be stopped."""
        return 0

    @abstractmethod
    async def start(self) -> None:
        """Get ready. What is expensive may wait until the first job."""

    @abstractmethod
    async def run(self, job: Job, task: Task, begun: Begun = unnoticed) -> Outcome:
        """Run the job's code once and say what came of it.

        `begun` is called on the event loop once all is there that the code needs to run.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Leave no task, thread or process behind, as far as the runner can stop them."""


def describe(error: BaseException) -> ErrorInfo:
    """Put an exception into words that any store can keep."""
    kind = type(error)
    return ErrorInfo(
        message=_message(error),
        type=storable(f"{kind.__module__}.{kind.__qualname__}"),
        traceback=_traceback(error),
    )


def failed(error: BaseException) -> Failed:
    """Return the outcome of code that raised."""
    return Failed(describe(error), error)


def _message(error: BaseException) -> str:
    try:
        return storable(_shortened(str(error)))
    except BaseException as broken:  # a __str__ that raises must not hide the error itself
        return storable(f"<{type(error).__name__}; its str() raised {type(broken).__name__}>")


def _traceback(error: BaseException) -> str:
    """Return the traceback from where the job's own code begins."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(HERE):
        frames = frames.tb_next
    try:
        lines = traceback.format_exception(type(error), error, frames)
        return storable(_shortened("".join(lines)))
    except BaseException as broken:  # an odd error must not become the runner's own
        return storable(f"<its traceback cannot be shown: {type(broken).__name__}>")


def _shortened(text: str) -> str:
    if len(text) <= MAX_TRACEBACK_CHARS:
        return text
    half = MAX_TRACEBACK_CHARS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
