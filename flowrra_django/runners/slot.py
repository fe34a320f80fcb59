"""A place for one CPU job at a time, which one child after another fills."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

from ..exceptions import WorkerLostError
from ..job import Crashed, ErrorInfo, GivenBack, Outcome
from .base import Begun, describe, failed, unnoticed
from .calls import unpack_outcome
from .child import run_call
from .launcher import BaseLauncher
from .pool import End, SingleProcessPool
from .telling import Ear, Hear, ignore
from .waiting import settled, settled_for_sure, settled_within

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
START_PAUSES_SECONDS = (0.0, 0.1, 1.0)
CLOSE_SECONDS = 1.0
NO_CHILD_DELAY_SECONDS = 5.0
STOPPED = "The CPU runner stops."
ORPHANED = "The fork server of the CPU children died, and the job's child with it."


class NoChildError(Exception):
    """There is no child to run a job; says why."""


class Slot:
    """Runs one job at a time in its child: started when needed, replaced when lost."""

    def __init__(self, launcher: BaseLauncher, setup: bytes, threads: ThreadPoolExecutor) -> None:
        self._launcher = launcher
        self._setup = setup
        self._threads = threads
        self._lock = asyncio.Lock()
        self._child: SingleProcessPool | None = None
        self._is_given_up = False
        self.calls = 0
        """How many calls the present child was given."""

    async def run(
        self, path: str, call: bytes, hear: Hear = ignore, begun: Begun = unnoticed
    ) -> Outcome:
        """Run one call. When CancelledError comes out, the child that ran it is gone.

        `hear` is called with what the job tells of itself, within a quarter of a second.
        """
        async with self._lock:
            try:
                return await self._run(path, call, hear, begun)
            except asyncio.CancelledError:
                await self._lose_child()
                raise

    async def warm(self) -> None:
        """Have a child ready before there is a call. What stands in its way shows at the call."""
        async with self._lock:
            if self._child is None:
                with suppress(NoChildError):
                    await self._start_child()

    def give_up(self) -> None:
        """Run nothing more. What runs is killed, and given back."""
        self._is_given_up = True
        if self._lock.locked() and self._child is not None:
            self._child.kill()

    async def close(self) -> None:
        """Give up, and leave no child behind: an idle one ends by itself, or is killed."""
        self.give_up()
        async with self._lock:
            child, self._child = self._child, None
            if child is None:
                return
            closing = self._threads.submit(child.close)
            try:
                await settled_within(closing, CLOSE_SECONDS)
            finally:
                if not closing.done():  # a thread that a job left keeps it alive
                    child.kill()
                    await settled_for_sure(closing)

    async def _run(self, path: str, call: bytes, hear: Hear, begun: Begun) -> Outcome:
        try:
            future = await self._submit(path, call)
        except (NoChildError, BrokenProcessPool) as reason:
            delay = 0.0 if self._is_given_up else NO_CHILD_DELAY_SECONDS
            return GivenBack(str(reason), started=False, delay=delay)
        begun()
        await self._settled(future, hear)
        error = future.exception()
        if error is None:
            return unpack_outcome(path, future.result())
        if isinstance(error, BrokenProcessPool):
            return self._outcome_of_loss(path, await self._lose_child())
        return failed(error)

    async def _settled(self, future: Future[bytes], hear: Hear) -> None:
        """Wait for the end of a call, and listen meanwhile."""
        with Ear(self._child.told if self._child else tuple, hear):
            await settled(future)

    async def _submit(self, path: str, call: bytes) -> Future[bytes]:
        if self._is_given_up:
            raise NoChildError(STOPPED)
        if self._child is not None and self._child.is_alive:
            with suppress(BrokenProcessPool):  # it died while it was idle: no fault of this job
                return self._hand_over(self._child, path, call)
        return self._hand_over(await self._start_child(), path, call)

    def _hand_over(self, child: SingleProcessPool, path: str, call: bytes) -> Future[bytes]:
        future = child.submit(run_call, path, call)
        self.calls += 1
        return future

    async def _start_child(self) -> SingleProcessPool:
        """Try a few times. A job that finds no child is given back: it is not what is broken."""
        for pause in START_PAUSES_SECONDS:
            await self._lose_child()
            await asyncio.sleep(pause)
            child = await self._new_child()
            if self._is_given_up:
                raise NoChildError(STOPPED)
            if isinstance(child, SingleProcessPool):
                return child
            trouble = child
            logger.error("A CPU child process could not be started.\n%s", trouble.traceback)
        await self._lose_child()
        name = trouble.type.rpartition(".")[2]
        raise NoChildError(f"No CPU child process could be started: {name}: {trouble.message}")

    async def _new_child(self) -> SingleProcessPool | ErrorInfo:
        launching = self._threads.submit(self._launch)
        try:
            await settled_for_sure(launching)
            child = launching.result()
            if not await settled_within(child.ready, START_SECONDS):
                return describe(WorkerLostError(f"It was not ready within {START_SECONDS:g} s."))
            missing = child.ready.result()
        except BrokenProcessPool:
            end = await self._lose_child()
            return describe(WorkerLostError(f"It {end} before it was ready."))
        except Exception as error:
            return describe(error)
        if isinstance(missing, ErrorInfo):
            return missing
        self._launcher.report_not_preloaded(missing)
        return child

    def _launch(self) -> SingleProcessPool:
        self._child = SingleProcessPool(self._launcher, self._setup)
        self.calls = 0
        return self._child

    async def _lose_child(self) -> End | None:
        child, self._child = self._child, None
        if child is None:
            return None
        child.kill()
        closing = self._threads.submit(child.close)
        await settled_for_sure(closing)
        return closing.result()

    def _outcome_of_loss(self, path: str, end: End | None) -> Outcome:
        if self._is_given_up:
            return GivenBack(STOPPED)
        if end is None or end.is_orphan:
            return GivenBack(ORPHANED)
        message = f"The process that ran {path} {end}. {end.remedy}"
        return Crashed(describe(WorkerLostError(message)))
