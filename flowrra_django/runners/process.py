"""CPU-bound functions, each in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

from ..job import GivenBack, Job, Outcome
from ..registry import Task
from ..serialization import Codec
from .base import BaseRunner, failed
from .calls import pack_call
from .child import Setup, Surround
from .launcher import BaseLauncher, SpawnLauncher
from .slot import STOPPED, Slot
from .waiting import settled_for_sure

if sys.platform != "win32":
    from .forkserver import ForkServerLauncher


class ProcessRunner(BaseRunner):
    """Runs each job in one of `slots` child processes, which it starts when they are needed.

    A child that dies costs its own job alone. Children import `preload` once for all, before they
    are forked (it is not to open connections or start threads); each then calls `initializer`,
    once. `surround` makes what is entered around each job. Both may be dotted paths. Raises
    TypeError if one of them, or the codec, cannot be pickled.
    """

    def __init__(
        self,
        slots: int,
        codec: Codec,
        *,
        initializer: Callable[[], object] | str | None = None,
        preload: Sequence[str] = (),
        surround: Surround | str = nullcontext,
    ) -> None:
        if slots < 1:
            raise ValueError(f"A process runner needs 1 slot or more, got {slots}.")
        self._size = slots
        self._preload = tuple(preload)
        self._setup = _pickled(Setup(codec, self._preload, initializer, surround))
        self._slots: list[Slot] = []

    async def start(self) -> None:
        self._launcher = create_launcher(self._preload)
        self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="flowrra-cpu")
        self._slots = [Slot(self._launcher, self._setup, self._threads) for _ in range(self._size)]
        # Last in, first out: a few children are kept busy, and others are not even started.
        self._free: asyncio.LifoQueue[Slot] = asyncio.LifoQueue()
        for slot in self._slots:
            self._free.put_nowait(slot)

    async def run(self, job: Job, task: Task) -> Outcome:
        if not self._slots:
            return GivenBack(STOPPED, started=False)
        try:
            call = pack_call(task.path, job.args, job.kwargs)
        except TypeError as error:
            return failed(error)
        free = self._free
        slot = await free.get()
        try:
            return await slot.run(task.path, call)
        finally:
            free.put_nowait(slot)

    async def stop(self) -> None:
        """Kill what runs, whose jobs are given back. No child is left, nor the fork server."""
        if not self._slots:
            return
        for slot in self._slots:
            slot.give_up()
        await asyncio.gather(*(slot.close() for slot in self._slots))
        await settled_for_sure(self._threads.submit(self._launcher.stop))
        self._threads.shutdown()
        self._slots = []


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
