"""The parent's side of one CPU child."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from ..reports import LogLine, Progress
from .child import begin, prepare
from .launcher import BaseLauncher
from .shield import close_in_forks, kill_group, wait_until_gone
from .telling import heard

VANISHED = 255  # what multiprocessing makes up when the fork server died before it could tell
WAIT_SECONDS = 5.0
SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}
REMEDIES = {
    9: "The kernel does that when memory runs out, and its log says so.",
    11: "A C extension is the usual culprit; with PYTHONFAULTHANDLER=1 it is named.",
}


@dataclass(frozen=True, slots=True)
class End:
    """How a child ended: its exit code, negative for a signal; or with its fork server."""

    exit_code: int | None
    is_orphan: bool

    def __str__(self) -> str:
        code = self.exit_code
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        name = SIGNAL_NAMES.get(-code) or signal.strsignal(-code)
        return f"was killed by signal {-code} ({name})"

    @property
    def remedy(self) -> str:
        """What to do if it was a task that ended the child so."""
        if self.exit_code is None or self.exit_code >= 0:
            return "A task has to return or to raise."
        return REMEDIES.get(-self.exit_code, "A task must not end its own process.")


class SingleProcessPool:
    """A `ProcessPoolExecutor` of one child, started at once and not replaced when it dies.

    To make one blocks for 5 to 10 ms, for longer where the fork server has to start or there is
    none; and raises what the operating system or multiprocessing has to say. `close` blocks too.
    `ready` is the reply of `prepare`.
    """

    def __init__(self, launcher: BaseLauncher, setup: bytes) -> None:
        self._launcher = launcher
        reader, self._lifeline = multiprocessing.Pipe(duplex=False)
        # Of its own: the lifeline's reader is killed as soon as anything moves on it.
        self._told, teller = multiprocessing.Pipe(duplex=False)
        close_in_forks(self._lifeline)
        self._executor = ProcessPoolExecutor(
            1, launcher.context, initializer=begin, initargs=(reader, teller)
        )
        with launcher.launching():
            self.ready = self._executor.submit(prepare, setup)
            self._generation = launcher.generation
        reader.close()
        teller.close()
        ((self._pid, self._process),) = self._executor._processes.items()  # noqa: SLF001
        # While we hold the writing end of the child's replies, one who is killed halfway through
        # a large one would leave the executor's thread waiting for the other half for ever.
        self._executor._result_queue._writer.close()  # type: ignore[attr-defined]  # noqa: SLF001

    @property
    def is_alive(self) -> bool:
        """Whether the child lives; the executor learns a moment later that it does not."""
        return not wait([self._process.sentinel], timeout=0)

    def submit(self, func: Callable[..., Any], *args: Any) -> Future[Any]:
        """Have the child call the function. Raises BrokenProcessPool if it is known to be dead."""
        return self._executor.submit(func, *args)

    def told(self) -> Iterator[Progress | LogLine]:
        """Yield what the child's job has told of itself since the last time."""
        return heard(self._told)

    def kill(self) -> None:
        """Kill the child and what its jobs started. Does not wait."""
        kill_group(self._pid)  # first, while the child's own pid cannot be anyone else's
        self._process.kill()

    def close(self) -> End:
        """Wait until the child has ended, which it does when it is idle or killed."""
        self._executor.shutdown(wait=True)
        self._lifeline.close()
        self._told.close()
        code = self._process.exitcode
        is_orphan = code == VANISHED and self._launcher.has_lost(self._generation)
        if is_orphan:
            wait_until_gone(self._pid, WAIT_SECONDS)
        return End(code, is_orphan)
