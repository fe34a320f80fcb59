"""What a worker is asked to do while it works: the end of jobs that run, or its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ..backends.answers import Unwanted
from ..context import Run
from ..exceptions import JobCancelledError, JobTimeoutError
from ..job import Cancelled, Crashed, ErrorInfo, Failed, GivenBack, Outcome, Succeeded
from .presence import Presence
from .stores import Stores

CANCELLED = f"{JobCancelledError.__module__}.{JobCancelledError.__qualname__}"

STOPPED = "its code was stopped"
HEEDED = "its code ended when it saw that"
SWALLOWED = "its code, which was told to stop, went on to its end"
RAN_ON = "its code, which cannot be stopped, ran to its end"
LEFT = "its thread, which cannot be stopped, goes on"


class Stoppable(Protocol):
    """What runs jobs, and can be told which of them to stop."""

    @property
    def running(self) -> int: ...

    def cancel(self, unwanted: Unwanted) -> None: ...


class Stopper:
    """Asks the ledger which of a worker's jobs are to be cancelled, and has them stopped.

    If the worker is to end, it tells `on_drain`, once. Without that, it asks only while jobs run.
    """

    def __init__(
        self, stores: Stores, presence: Presence, on_drain: Callable[[], None] | None = None
    ) -> None:
        self._stores = stores
        self._presence = presence
        self._on_drain = on_drain
        self.consumers: Sequence[Stoppable] = ()

    def look(self) -> None:
        """Look once, on any thread with a connection of its own."""
        if self._on_drain is None and not any(consumer.running for consumer in self.consumers):
            return
        orders = self._stores.backend.orders(self._presence.worker_id)
        for unwanted in orders.unwanted:
            for consumer in self.consumers:
                consumer.cancel(unwanted)
        if orders.is_to_end and self._on_drain is not None:
            on_drain, self._on_drain = self._on_drain, None
            on_drain()


def cancelled(run: Run, outcome: Outcome, *, can_stop: bool) -> Outcome:
    """Return what the outcome of a run is whose cancelling was asked for.

    Whatever the code returned or raised, its job is cancelled. One that is given back is so by the
    ledger, which knows of it.
    """
    by = run.cancelled_by or ""
    match outcome:
        case GivenBack() | Cancelled():
            return outcome
        case Succeeded(result):
            was_stopped, words = _end_of(run, can_stop=can_stop)
            return Cancelled(_told(run, words), was_stopped, by, result)
        case Failed(error, exception) if _goes_on(exception):
            return Cancelled(_told(run, LEFT, error), was_stopped=False, by=by)
        case Failed(error) | Crashed(error):
            if can_stop:
                return Cancelled(_told(run, STOPPED, error), was_stopped=True, by=by)
            was_stopped, words = _end_of(run, can_stop=False)
            return Cancelled(_told(run, words, error), was_stopped, by)


def _end_of(run: Run, *, can_stop: bool) -> tuple[bool, str]:
    """Say of code that came to an end by itself whether it was for the cancel, and in words."""
    if can_stop:
        return False, SWALLOWED
    return (True, HEEDED) if run.is_heeded else (False, RAN_ON)


def _goes_on(exception: BaseException | None) -> bool:
    return isinstance(exception, JobTimeoutError) and not exception.is_stopped


def _told(run: Run, words: str, error: ErrorInfo | None = None) -> ErrorInfo:
    by = f" by {run.cancelled_by}" if run.cancelled_by else ""
    return ErrorInfo(f"Cancelled{by}; {words}.", CANCELLED, error.traceback if error else "")
