"""CPU-bound functions, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

from ..context import Facts, current_run
from ..exceptions import WorkerLostError
from ..job import Crashed, GivenBack, Job, Outcome
from ..registry import Task
from ..retry import given_back
from ..serialization import Codec
from .base import BaseRunner, Begun, Surround, describe, failed, unnoticed
from .calls import pack_call
from .child import Setup
from .launcher import BaseLauncher, SpawnLauncher
from .slot import ORPHANED, STOPPED, Slot
from .slots import Slots
from .telling import ignore
from .waiting import settled_for_sure

if sys.platform != "win32":
    from .forkserver import ForkServerLauncher

FREE_ORPHANINGS = 3  # a fork server that dies is no fault of the job, unless it does ever again


class ProcessRunner(BaseRunner):
    """Runs each job in one of `slots` child processes, which it starts when they are needed.

    A child that dies costs its own job alone. Children import `preload` once for all, before they
    are forked (it is not to open connections or start threads); each then calls `initializer`,
    once. `surround` makes what is entered around each job. Both may be dotted paths. Raises
    TypeError if one of them, or the codec, cannot be pickled.

    A child is replaced when it has run `max_jobs`, by another that was ready before.
    """

    def __init__(
        self,
        slots: int,
        codec: Codec,
        *,
        initializer: Callable[[], object] | str | None = None,
        preload: Sequence[str] = (),
        surround: Surround | str = nullcontext,
        max_jobs: int | None = None,
    ) -> None:
        if slots < 1:
            raise ValueError(f"A process runner needs 1 slot or more, got {slots}.")
        self._size = slots
        self._preload = tuple(preload)
        self._setup = _pickled(Setup(codec, self._preload, initializer, surround))
        self._max_jobs = max_jobs
        self._slots: Slots | None = None

    async def start(self) -> None:
        self._launcher = create_launcher(self._preload)
        # Two for each slot: it may end a child while it starts the next.
        self._threads = ThreadPoolExecutor(2 * self._size, thread_name_prefix="flowrra-cpu")
        self._slots = Slots(self._new_slot, self._size, self._max_jobs)

    async def run(self, job: Job, task: Task, begun: Begun = unnoticed) -> Outcome:
        if self._slots is None:
            return GivenBack(STOPPED, started=False)
        run = current_run()
        facts = run.facts if run else Facts(job.task_id, job.task_name, job.attempts, job.queue)
        to_take = job if task.takes_job else None
        try:
            call = pack_call(task.path, facts, job.args, job.kwargs, to_take)
        except TypeError as error:
            return failed(error)
        async with self._slots.lent() as slot:
            outcome = await slot.run(task.path, call, run.tell if run else ignore, begun)
            return _suspected(job, task, outcome)

    async def stop(self) -> None:
        """Kill what runs, whose jobs are given back. No child is left, nor the fork server."""
        if self._slots is None:
            return
        await self._slots.close()
        await settled_for_sure(self._threads.submit(self._launcher.stop))
        self._threads.shutdown()
        self._slots = None

    def _new_slot(self) -> Slot:
        return Slot(self._launcher, self._setup, self._threads)


def _suspected(job: Job, task: Task, outcome: Outcome) -> Outcome:
    """Take a job for what kills the fork server once that has died under it again and again."""
    if outcome != GivenBack(ORPHANED) or given_back(job) < FREE_ORPHANINGS:
        return outcome
    message = f"The fork server of the CPU children died while {task.path} ran, as it had before."
    return Crashed(describe(WorkerLostError(f"{message} A task must not kill its parent.")))


def create_launcher(preload: Sequence[str]) -> BaseLauncher:
    """Return the fastest launcher to be had on this platform."""
    if sys.platform != "win32" and "forkserver" in multiprocessing.get_all_start_methods():
        return ForkServerLauncher(preload)
    return SpawnLauncher()


def _pickled(setup: Setup) -> bytes:
    try:
        return pickle.dumps(setup)
    except Exception as error:
        raise TypeError(
            f"The codec, initializer or surround cannot be pickled for child processes: {error}. "
            "Pass what is defined at the top level of a module, or its dotted path."
        ) from error
