"""Runs a worker inside another program: until the census is over, or a signal asks for the end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from asgiref.sync import sync_to_async
from django.db import connections

from flowrra_django import __version__, runtime
from flowrra_django.worker.process import Worker

from .display import BaseDisplay
from .models import Census

LOOK_SECONDS = 0.2


class Run:
    """One run of a worker for the sake of one census; jobs of others are run meanwhile, too."""

    def __init__(self, census: Census, display: BaseDisplay) -> None:
        self._census = census
        self._display = display
        self.is_interrupted = False

    async def run(self) -> None:
        self._worker = Worker(
            runtime.get_config(),
            runtime.registry,
            runtime.get_stores(),
            runtime.worker_hooks(),
            version=__version__,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt)
        watching = asyncio.create_task(self._watch())
        watching.add_done_callback(lambda _: self._worker.ending.ask())
        with self._display, _log_lines_on(self._display):
            await self._worker.run()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await sync_to_async(connections.close_all)()

    async def _watch(self) -> None:
        while not await sync_to_async(self._look)():  # noqa: ASYNC110 - jobs end elsewhere
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> bool:
        """Show how far the census is; return whether it was over before."""
        is_over = self._census.is_over()
        self._display.show(self._census.progress())
        return is_over

    def _interrupt(self) -> None:
        if not self.is_interrupted:
            self._display.say(
                "Stopping when the running jobs have ended. Another Ctrl-C stops at once."
            )
        self.is_interrupted = True
        self._worker.ending.ask()


class _Handler(logging.Handler):
    """Says log lines on a display, but for those about single jobs."""

    def __init__(self, display: BaseDisplay) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.name.startswith("flowrra_django.jobs")

    def emit(self, record: logging.LogRecord) -> None:
        self._display.say(self.format(record))


@contextmanager
def _log_lines_on(display: BaseDisplay) -> Iterator[None]:
    logger = logging.getLogger("flowrra_django")
    handler = _Handler(display)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
