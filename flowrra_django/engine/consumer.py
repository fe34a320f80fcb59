"""The consumer: claim as many jobs as there are free slots, run them, settle what came of them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace

from ..brokers.base import Taken
from ..job import GivenBack, Job, Outcome
from ..registry import Task, TaskRegistry
from ..retry import Release, Settlement, after_unknown_task, settle
from ..runners.base import BaseRunner, failed
from .job_log import log_settled
from .outbox import Outbox, Parcel
from .presence import Presence
from .serving import Serving
from .stores import Stores
from .waiters import until_set

logger = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
CANCEL_SECONDS = 5.0
_inside_job: ContextVar[bool] = ContextVar("flowrra_inside_job", default=False)

STOPPED = "The worker stopped before the job ended."

Hold = tuple[str, int]


class Consumer:
    """Serves the lanes of one kind of code. Bound to the event loop that starts it."""

    def __init__(
        self,
        stores: Stores,
        presence: Presence,
        registry: TaskRegistry,
        runner: BaseRunner,
        serving: Serving,
    ) -> None:
        self.serving = serving
        self._stores = stores
        self._presence = presence
        self._registry = registry
        self._runner = runner
        self._outbox = Outbox(stores, self._written)
        self._runs: dict[Hold, asyncio.Task[None]] = {}
        self._held: set[Hold] = set()
        self._news = asyncio.Event()
        self._settled = asyncio.Event()
        self._is_draining = self._is_stopping = False
        self._has_doubts = False
        self._settled_count = 0

    # Starting and stopping

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._home = threading.get_ident()
        await self._runner.start()
        self._outbox.start()
        self._end_subscription = self._stores.broker.subscribe(self.wake)
        self._taking = asyncio.create_task(self._take_forever(), name="flowrra-take")

    async def drain(self) -> None:
        """Take no more jobs, and finish those that were taken."""
        self._is_draining = True
        self.wake()
        await asyncio.wait([self._taking])
        while self._held:
            await self._until_settled(None)

    async def finish(self) -> None:
        """Run what is due or waits for its retry on the lanes, until nothing does."""
        while await self.has_work():
            await self._until_settled(IDLE_SECONDS)

    async def has_work(self) -> bool:
        """Whether a job of the lanes runs here, is due, or waits for its retry."""
        stores, lanes = self._stores, self.serving.lanes
        if self._held or not await stores.insist(stores.broker.depth, lanes, 1):
            return bool(self._held)
        return await stores.insist(stores.backend.has_work, lanes) or bool(self._held)

    async def stop(self) -> None:
        """Stop what runs, as far as its kind of code can be stopped, and give it back."""
        self._is_stopping = self._is_draining = True
        await asyncio.sleep(0)  # a task cancelled before its first step would never settle its job
        for run in self._runs.values():
            run.cancel()
        self._outbox.start()  # in case that it was cancelled with all other tasks
        with suppress(TimeoutError):
            await asyncio.wait_for(self.drain(), CANCEL_SECONDS)
        if self._held:
            logger.error("%d jobs did not stop; they are left for rescue.", len(self._held))
        self._end_subscription()
        self._taking.cancel()
        await self._outbox.stop()
        await self._runner.stop()

    def wake(self) -> None:
        """Look for work now. May be called from any thread."""
        if threading.get_ident() == self._home:
            self._news.set()
            return
        with suppress(RuntimeError):  # the loop is closed: nobody works there any more
            self._loop.call_soon_threadsafe(self._news.set)

    def doubt(self) -> None:
        """Compare what this consumer holds with what the ledger says, before the next claim."""
        self._has_doubts = True

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return len(self._runs)

    @property
    def loop_task(self) -> asyncio.Task[None]:
        """The task that takes jobs; it ends only when the consumer drains."""
        return self._taking

    @property
    def settled(self) -> int:
        """How many jobs this consumer has settled or given back so far."""
        return self._settled_count

    def serve(self, queues: Collection[str]) -> None:
        """Serve these queues from now on."""
        self.serving = replace(self.serving, queues=tuple(queues))
        self.wake()

    # Taking

    async def _take_forever(self) -> None:
        while not self._is_draining:
            self._news.clear()
            seconds = IDLE_SECONDS
            if free := self.serving.slots - len(self._runs):
                jobs, next_due = await self._take(free)
                if jobs:
                    continue
                seconds = IDLE_SECONDS if next_due is None else min(IDLE_SECONDS, next_due)
            await until_set(self._news, seconds)

    async def _take(self, free: int) -> Taken:
        worker_id = self._presence.worker_id
        try:
            taken = await self._stores.insist(self._take_now, worker_id, free)
        except Exception:
            logger.exception("Claiming jobs failed; it is tried again.")
            return Taken([], None)
        for job in taken.jobs:
            self._held.add(_hold_on(job))
            self._launch(job, worker_id)
        return taken

    def _take_now(self, worker_id: str, free: int) -> Taken:
        """Claim, on the store's thread. Until the answer is here, doubt what the ledger has."""
        if self._has_doubts:
            self._reconcile(worker_id)
        self._has_doubts = True
        taken = self._stores.take(worker_id, self.serving.lanes, free)
        self._has_doubts = False
        return taken

    def _reconcile(self, worker_id: str) -> None:
        """Give back what the ledger says this worker holds, and it does not: a reply was lost."""
        held = self._stores.backend.held(worker_id, self.serving.kind)
        strays = [job for job in held if _hold_on(job) not in self._held]
        if strays:
            self._stores.release(worker_id, [Release(job=job) for job in strays])
            logger.warning("Gave back %d jobs whose claim had got lost on the way.", len(strays))

    # Running

    def _launch(self, job: Job, worker_id: str) -> None:
        task = self._registry.get(job.task_name)
        if task is None:
            logger.warning("No task named %r here; job %s waits.", job.task_name, job.task_id)
            self._put(worker_id, after_unknown_task(job, worker=worker_id))
        elif self._is_draining:
            self._put(worker_id, Release(job=job))
        elif task.kind is not self.serving.kind:
            self._put(worker_id, Release(job=job, kind=task.kind))
        else:
            self._runs[_hold_on(job)] = self._loop.create_task(self._run(job, task, worker_id))

    async def _run(self, job: Job, task: Task, worker_id: str) -> None:
        _inside_job.set(True)
        started = time.monotonic()
        outcome = await self._outcome(job, task)
        seconds = time.monotonic() - started
        del self._runs[_hold_on(job)]
        defaults = self.serving.defaults
        item = settle(job, task, outcome, defaults=defaults, worker=worker_id, seconds=seconds)
        self._put(worker_id, item, seconds)
        self._news.set()

    async def _outcome(self, job: Job, task: Task) -> Outcome:
        try:
            return await self._runner.run(job, task)
        except asyncio.CancelledError as error:
            # `asyncio.run` cancels everything in the end: that is no doing of the job.
            is_ending = self._is_stopping or self._taking.cancelling()
            return GivenBack(STOPPED) if is_ending else failed(error)
        except Exception as error:
            logger.exception("The runner itself failed on job %s.", job.task_id)
            return failed(error)

    # Settling

    def _put(self, worker_id: str, item: Settlement | Release, seconds: float = 0.0) -> None:
        self._outbox.put(Parcel(worker_id, item, seconds))

    def _written(self, parcel: Parcel, is_accepted: bool) -> None:
        self._held.remove(_hold_on(parcel.item.job))
        self._settled_count += 1
        self._settled.set()
        log_settled(parcel, is_accepted=is_accepted)

    async def _until_settled(self, seconds: float | None) -> None:
        self._settled.clear()
        await until_set(self._settled, seconds)


def is_inside_job() -> bool:
    """Whether the caller is code of a job, in this process."""
    return _inside_job.get()


def _hold_on(job: Job) -> Hold:
    """Tell this claim from another on the same job, which this worker may have lost and retaken."""
    return job.task_id, job.claim
