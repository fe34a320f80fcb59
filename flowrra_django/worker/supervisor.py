"""The supervisor: keeps a number of worker processes at work, and ends with them."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from ..policy import Backoff
from ..runners.pool import End
from .member import Command, Member

logger = logging.getLogger(__name__)

MISCONFIGURED = 2
FAILED = 1
GRACE_SECONDS = 10.0  # what a worker may take beside its time to drain
STEADY_SECONDS = 60.0  # who has lived so long did not die of its start
PAUSES = Backoff(base=0.5, factor=2.0, max=30.0, jitter=0.0)
HARMLESS = {0, -signal.SIGTERM, -signal.SIGINT}  # for a worker that was told to end


class Supervisor:
    """Starts `count` workers and replaces those that end, until asked to drain.

    A worker that has done its share is replaced while it finishes what it runs. One that dies is
    replaced after a pause, which grows if the next one dies soon. In a burst, each place is done
    when its worker has ended well. `stop_timeout` is how many seconds a worker may take to drain.
    """

    def __init__(
        self, command: Command, count: int, *, stop_timeout: float, burst: bool = False
    ) -> None:
        self._command = command
        self._count = count
        self._stop_timeout = stop_timeout
        self._burst = burst
        self._members: set[Member] = set()
        self._times_asked = 0
        self._exit_code = 0
        self._is_first_ready = asyncio.Event()
        self._is_ending = asyncio.Event()
        self._start_lock = asyncio.Lock()  # of what a start changes in this process for a moment

    async def run(self) -> int:
        """Return the exit code: 0, or that of a worker which found the settings wrong.

        1 if a worker has failed, or had to be killed, while all were to end.
        """
        self._loop = asyncio.get_running_loop()
        await asyncio.gather(*(self._keep(number) for number in range(1, self._count + 1)))
        while self._members:
            await asyncio.wait([member.ended for member in self._members])
            await asyncio.sleep(0)  # for what else hears of the end
        return self._exit_code

    def ask(self) -> None:
        """Have all workers drain; when asked again, stop at once."""
        self._times_asked += 1
        self._is_ending.set()
        if self._times_asked == 1:
            logger.info("Draining. When asked again, the workers stop at once.")
        seconds = GRACE_SECONDS + (self._stop_timeout if self._times_asked == 1 else 0.0)
        for member in self._members:
            member.ask()
        self._loop.call_later(seconds, self._kill)

    async def _keep(self, number: int) -> None:
        """Keep a worker at work in one place."""
        if number > 1:  # what is wrong for all is found, and said, by the first alone
            await _first_of(self._is_first_ready.wait(), self._is_ending.wait())
        failures = 0
        while not self._is_ending.is_set():
            member = await self._start(number)
            if member is None:
                failures += 1
            elif await self._has_done_its_share(member):
                failures = 0
                continue
            else:
                code = await member.ended
                if self._is_over(code):
                    return
                is_steady = time.monotonic() - member.started_at > STEADY_SECONDS
                failures = 0 if code == 0 and member.is_ready.is_set() else failures + 1
                failures = min(failures, 1) if is_steady else failures
                self._report(member, code, failures)
            await self._pause(failures)

    async def _start(self, number: int) -> Member | None:
        try:
            async with self._start_lock:
                member = await Member.start(number, self._command)
        except OSError as error:
            logger.error("Worker %d could not be started: %s", number, error)
            return None
        self._members.add(member)
        member.ended.add_done_callback(lambda ended: self._bury(member, ended.result()))
        for _ in range(self._times_asked):  # meanwhile
            member.ask()
        return member

    async def _has_done_its_share(self, member: Member) -> bool:
        """Wait until the worker takes no more jobs, or has ended; say whether it was the former."""
        await _first_of(member.is_ready.wait(), _until(member.ended))
        if member.is_ready.is_set():
            self._is_first_ready.set()
        await _first_of(member.is_leaving.wait(), _until(member.ended))
        return member.is_leaving.is_set()

    def _is_over(self, code: int) -> bool:
        """Whether no other worker is to come where one has ended with this code."""
        if code == MISCONFIGURED and not self._is_ending.is_set():
            self._exit_code = code
            logger.error("The settings are wrong for every worker: all are to end.")
            self.ask()
        return self._is_ending.is_set() or (code == 0 and self._burst)

    def _bury(self, member: Member, code: int) -> None:
        self._members.discard(member)
        if self._is_ending.is_set() and code not in HARMLESS and not self._exit_code:
            logger.error("%s %s.", member, End(code, is_orphan=False))
            self._exit_code = FAILED

    def _report(self, member: Member, code: int, failures: int) -> None:
        end = End(code, is_orphan=False)
        if not failures:
            logger.info("%s has ended. Another takes its place.", member)
        else:
            seconds = PAUSES.after(failures)
            logger.warning("%s %s. Another takes its place in %g s.", member, end, seconds)

    async def _pause(self, failures: int) -> None:
        if failures:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_ending.wait(), PAUSES.after(failures))

    def _kill(self) -> None:
        for member in self._members:
            logger.error("%s has not ended in its time, and is killed.", member)
            member.kill()


async def _until(task: asyncio.Task[int]) -> None:
    await asyncio.wait([task])


async def _first_of(*each: Coroutine[Any, Any, object]) -> None:
    """Wait until one of these is over, and leave the others."""
    waiting = [asyncio.create_task(one) for one in each]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
