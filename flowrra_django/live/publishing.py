"""Sends what happens to jobs in this process to the channel layer, if that reaches others."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import lru_cache
from threading import Condition, Thread
from typing import Any

from django.core.signals import setting_changed

from ..backends.briefs import Brief
from ..engine.events import Enqueued, Event, Finished
from ..engine.outage import Outage
from ..results import TaskStatus
from .layer import GROUP, pushing_layer
from .news import News, Pile

logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 0.1
SEND_SECONDS = 5.0  # the layer's own socket may wait for ever, as its receivers need it
LINGER_SECONDS = 30.0


class LiveAudience:
    """Hears of jobs for those who watch; of none where no layer reaches other processes."""

    def __init__(self) -> None:
        self._publisher = Publisher()

    def wants(self, event: Event) -> bool:
        return has_pushing_layer()

    def hear(self, event: Event) -> None:
        self._publisher.put(brief_of(event))


class Publisher:
    """Sends from a thread of its own, at most ten messages a second.

    The thread is there from the first news until there has been none for a while. What a layer
    does not take is dropped: those who watch look into the ledger, too.
    """

    def __init__(self) -> None:
        self._outage = Outage("The channel layer")
        self._pile = Pile()
        self._is_changed = Condition()
        self._thread: Thread | None = None

    def put(self, brief: Brief) -> None:
        """Have others told of a job, a moment later. From any thread."""
        with self._is_changed:
            self._pile.put([brief])
            if self._thread is None or not self._thread.is_alive():  # as after a fork
                self._thread = Thread(target=self._work, name="flowrra-publish", daemon=True)
                self._thread.start()
            self._is_changed.notify()

    def _work(self) -> None:
        with asyncio.Runner() as runner:  # one loop, whose connections are kept
            while news := self._next():
                runner.run(self._send(news))
                time.sleep(SECONDS_BETWEEN)

    def _next(self) -> News | None:
        """Wait for news; None if none came for so long that this thread is no longer needed."""
        with self._is_changed:
            if self._is_changed.wait_for(lambda: self._pile, LINGER_SECONDS):
                return self._pile.take()
            self._thread = None
            return None

    async def _send(self, news: News) -> None:
        try:
            layer = pushing_layer()
            if layer is None:  # the settings have changed since, as they do in tests
                return
            async with asyncio.timeout(SEND_SECONDS):
                await layer.group_send(GROUP, {"type": GROUP, **news.to_dict()})
        except Exception as error:
            self._outage.begin(error)
        else:
            self._outage.end(time.monotonic())


def brief_of(event: Event) -> Brief:
    """Return how a job stands after an event."""
    job = event.job
    match event:
        case Enqueued():
            status = TaskStatus.PENDING
        case Finished(settlement=settlement):
            status = settlement.status
        case _:
            status = TaskStatus.RUNNING
    return Brief(job.task_id, status, job.task_name, job.queue, job.claim)


@lru_cache(maxsize=1)
def has_pushing_layer() -> bool:
    """Whether there is whom to tell. Looked up once, for it is asked of every job."""
    try:
        return pushing_layer() is not None
    except Exception:
        logger.exception("Changes of jobs are not sent: the channel layer cannot be had.")
        return False


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CHANNEL_LAYERS":
        has_pushing_layer.cache_clear()


setting_changed.connect(_forget, dispatch_uid="flowrra_django.live")
