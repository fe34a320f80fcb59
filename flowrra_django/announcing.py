"""Tells a site what happens to its jobs: off the event loop, in order, at most once each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from django.dispatch import Signal

from .connections import fresh_connections
from .engine.events import Enqueued, Event, Finished, Started
from .exceptions import JobFailedError
from .results import TaskStatus
from .serialization import Codec
from .signals import task_enqueued, task_finished, task_started

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
STOP_SECONDS = 5.0


class Audience(Protocol):
    """Those who want to hear of events."""

    def wants(self, event: Event) -> bool:
        """Whether anybody listens. Asked on the event loop: this neither waits nor raises."""

    def hear(self, event: Event) -> None:
        """Tell them, on a thread that may wait."""


class SignalAudience:
    """The receivers of this package's own signals. `senders` has the site's tasks by name."""

    signals: Mapping[type[Event], Signal] = {
        Enqueued: task_enqueued,
        Started: task_started,
        Finished: task_finished,
    }

    def __init__(self, senders: Mapping[str, object], codec: Callable[[], Codec]) -> None:
        self._senders = senders
        self._codec = codec

    def wants(self, event: Event) -> bool:
        signal = self.signals[type(event)]
        if not signal.receivers:  # which is so at most sites, for every job
            return False
        return bool(signal.has_listeners(self._senders.get(event.job.task_name)))

    def hear(self, event: Event) -> None:
        sender = self._senders.get(event.job.task_name)
        result = event.as_result(self._codec())
        self.signals[type(event)].send_robust(sender, task_result=result)


class Announcer:
    """Takes events from an event loop, and tells of them on a thread of its own.

    The loop never waits: with too many events waiting for slow receivers, new ones are dropped.
    """

    def __init__(self, audiences: Sequence[Audience]) -> None:
        self._audiences = audiences
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._is_full = False

    def put(self, event: Event) -> None:
        for audience in self._audiences:
            if audience.wants(event):
                self._take(event)
                return

    def _take(self, event: Event) -> None:
        is_full = self._events.qsize() >= MOST_WAITING
        if is_full and not self._is_full:
            logger.error("Receivers of signals are too slow; signals are dropped until they are.")
        self._is_full = is_full
        if not is_full:
            self._events.put(event)
            self._start()

    def stop(self) -> None:
        """Tell of what has happened, for up to 5 s."""
        if self._thread is None:
            return
        self._events.put(None)
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            logger.error(
                "A receiver of signals does not end; %d are dropped.", self._events.qsize()
            )

    def _start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._tell, name="flowrra-signals", daemon=True)
            self._thread.start()

    def _tell(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                with fresh_connections():
                    announce(self._audiences, event)
            except BaseException:  # SystemExit of a receiver must not silence all others
                logger.exception("Telling of job %s was broken off.", event.job.task_id)


def announce(audiences: Sequence[Audience], event: Event) -> None:
    """Tell of an event on the calling thread."""
    for audience in audiences:
        try:
            if audience.wants(event):
                _with_current(_error_of(event), partial(audience.hear, event))
        except Exception:
            logger.exception("Telling of job %s failed.", event.job.task_id)


def _with_current(error: BaseException | None, call: Callable[[], None]) -> None:
    """Call inside an `except` block for the error, if there is one."""
    if error is None:
        call()
        return
    try:
        raise error  # noqa: TRY301
    except BaseException:
        call()
    finally:
        del error  # which knows this frame, that would know it


def _error_of(event: Event) -> BaseException | None:
    """Return the exception of a job that failed: the one that it raised, or one that tells of it.

    One that was raised in another process has its traceback in a note.
    """
    if not isinstance(event, Finished) or event.settlement.status is not TaskStatus.FAILED:
        return None
    told = event.settlement.error
    error = event.exception
    if told is None or (error is not None and error.__traceback__ is not None):
        return error
    error = error or JobFailedError(f"{told.type}: {told.message}")
    if told.traceback:
        error.add_note(told.traceback)
    return error
