"""The consumer: claim as many jobs as there are free slots, run them, settle what came of them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from ..backends.answers import Unwanted
from ..brokers.base import Taken
from ..context import enter
from ..job import Failed, GivenBack, Job, Outcome
from ..registry import Task, TaskRegistry
from ..retry import Release, Settlement, after_unknown_task, settle, timeout_of
from ..runners.base import BaseRunner, failed
from ..runners.limits import run_within
from .cancelling import cancelled
from .events import OnEvent, Started, tell
from .job_log import log_settled
from .outbox import Outbox, Parcel, finished_by
from .prefetch import MOST_AHEAD, Prefetch
from .presence import Presence
from .running import JobRun
from .serving import Serving
from .stores import Stores
from .taking import Hold, Taking, hold_on
from .waiters import until_set

logger = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
CANCEL_SECONDS = 5.0
MOST_UNWRITTEN = 1000  # outcomes, and two for each slot; then no more jobs are taken
MOST_FAILURES = 5  # in a row, of claims; who is to finish gives up then

DRAINING = "The worker takes no more jobs."
NO_SLOT = "No slot was free in time."
UNWANTED = "It was cancelled before it began."
STOPPED = "The worker stopped before the job ended."


class Consumer:
    """Serves the lanes of one kind of code. Bound to the event loop that starts it."""

    def __init__(
        self,
        stores: Stores,
        presence: Presence,
        registry: TaskRegistry,
        runner: BaseRunner,
        serving: Serving,
        on_event: OnEvent | None = None,
    ) -> None:
        self.serving = serving
        self._stores = stores
        self._presence = presence
        self._registry = registry
        self._runner = runner
        self._on_event = on_event
        self._outbox = Outbox(stores, self._written)
        self._runs: dict[Hold, JobRun] = {}
        self._held: set[Hold] = set()
        self._prefetch = Prefetch(MOST_AHEAD if stores.backend.is_shared else 0)
        self._jobs = Taking(stores, serving, self._held)
        self._news = asyncio.Event()
        self._settled = asyncio.Event()
        self._is_draining = self._is_stopping = False
        self._settled_count = 0
        self._failures: deque[Exception] = deque(maxlen=MOST_FAILURES)

    # Starting and stopping

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._home = threading.get_ident()
        self._context = contextvars.copy_context()
        await self._runner.start()
        self._writing = self._outbox.start()
        self._end_subscription = self._stores.broker.subscribe(self.wake, self.serving.kind)
        self._taking = asyncio.create_task(self._take_forever(), name="flowrra-take")

    async def drain(self) -> None:
        """Take no more jobs, and finish those that were taken."""
        self.take_no_more()
        self._writing = self._outbox.start()  # in case that it was cancelled with all tasks
        await asyncio.wait([self._taking])
        while self._held:
            await self._until_settled(None)

    def take_no_more(self) -> None:
        """Claim nothing from now on, and give back what is claimed and has not begun."""
        self._is_draining = True
        self._give_back_prefetched(DRAINING)
        self.wake()

    async def finish(self) -> None:
        """Run what is due or waits for its retry on the lanes, until nothing does.

        Raises what claims raise, if they only do that and nothing runs here any more.
        """
        while await self.has_work():
            if len(self._failures) == MOST_FAILURES and not self._held:
                logger.error("Claiming failed %d times in a row; it is given up.", MOST_FAILURES)
                raise self._failures[-1]
            await self._until_settled(IDLE_SECONDS)

    async def has_work(self) -> bool:
        """Whether a job of the lanes runs here, is due, or waits for its retry."""
        stores, lanes = self._stores, self.serving.lanes
        if self._held:
            return True
        # An index that is swept may lack what the ledger has, and will be told of it.
        if not stores.broker.is_swept and not await stores.insist(stores.broker.depth, lanes, 1):
            return bool(self._held)
        return await stores.insist(stores.backend.has_work, lanes) or bool(self._held)

    async def stop(self) -> None:
        """Stop what runs, as far as its kind of code can be stopped, and give it back."""
        self._is_stopping = True
        self.take_no_more()
        await asyncio.sleep(0)  # a task cancelled before its first step would never settle its job
        for run in self._runs.values():
            run.task.cancel()
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

    def cancel(self, unwanted: Unwanted) -> None:
        """Stop a job, as far as its kind of code can be stopped. May be called from any thread."""
        with suppress(RuntimeError):  # the loop is closed: nothing runs there any more
            self._loop.call_soon_threadsafe(self._cancel, unwanted)

    def _cancel(self, unwanted: Unwanted) -> None:
        hold = unwanted.task_id, unwanted.claim
        if claimed := self._prefetch.remove(hold):  # the ledger cancels what is given back
            self._put(claimed.worker_id, Release(job=claimed.job, reason=UNWANTED))
            return
        run = self._runs.get(hold)
        if run is None or run.cancelled_by is not None:
            return
        run.cancel(unwanted.by)
        logger.info("Job %s is to be cancelled, as %s asks.", unwanted.task_id, unwanted.by)
        if self._runner.can_stop:
            self._loop.call_soon(run.task.cancel)  # it may not have made its first step yet

    def doubt(self) -> None:
        """Compare what this consumer holds with what the ledger says, before the next claim."""
        self._jobs.doubt()

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return len(self._runs)

    @property
    def abandoned(self) -> int:
        """How many jobs were given up whose code goes on."""
        return self._runner.abandoned

    @property
    def loop_tasks(self) -> tuple[asyncio.Task[None], asyncio.Task[None]]:
        """What takes jobs, until the consumer drains, and what writes outcomes, until it stops."""
        return self._taking, self._writing

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
            if self.serving.queues and (room := self._room()) > 0:
                jobs, next_due = await self._take(room)
                if jobs:
                    continue
                seconds = IDLE_SECONDS if next_due is None else min(IDLE_SECONDS, next_due)
            patience = self._prefetch.seconds_of_patience()
            if patience is not None and patience <= 0:
                self._give_back_prefetched(NO_SLOT)
            elif patience is not None:
                seconds = min(seconds, patience)
            await until_set(self._news, seconds)

    def _room(self) -> int:
        """Return how many jobs to take: none while the ledger does not keep up with outcomes."""
        free = self.serving.slots - len(self._runs) - len(self._prefetch)
        return min(max(0, free) + self._prefetch.room(), self._writable())

    def _writable(self) -> int:
        """Return how many more outcomes may wait to be written."""
        unwritten = len(self._held) - len(self._runs) - len(self._prefetch)
        return MOST_UNWRITTEN + 2 * self.serving.slots - unwritten

    def _give_back_prefetched(self, reason: str) -> None:
        for claimed in self._prefetch.remove_all():
            self._put(claimed.worker_id, Release(job=claimed.job, reason=reason))

    async def _take(self, room: int) -> Taken:
        worker_id = self._presence.worker_id
        await self._outbox.returned()  # a job that waits again comes before what came after it
        try:
            taken = await self._stores.insist(self._jobs.take, worker_id, self.serving.lanes, room)
        except Exception as error:
            logger.exception("Claiming jobs failed; it is tried again.")
            self._failures.append(error)
            return Taken([], None)
        self._failures.clear()
        if taken.jobs:
            logger.debug("Took %d jobs, and had room for %d.", len(taken.jobs), room)
        for job in taken.jobs:
            self._held.add(hold_on(job))
            self._prefetch.put(job, worker_id)
        if self._is_draining:
            self._give_back_prefetched(DRAINING)
        self._launch_prefetched()
        return taken

    # Running

    def _launch_prefetched(self) -> None:
        """Begin what has been claimed, for as long as there are slots."""
        while len(self._runs) < self.serving.slots and (claimed := self._prefetch.next()):
            self._launch(claimed.job, claimed.worker_id)

    def _launch(self, job: Job, worker_id: str) -> None:
        task = self._registry.for_job(job)
        if task is None:
            logger.warning("No task named %r here; job %s waits.", job.task_name, job.task_id)
            self._put(worker_id, after_unknown_task(job, worker=worker_id))
        elif task.kind is not self.serving.kind:
            reason = f"Its code is {task.kind} now, and was {job.kind} when it was enqueued."
            self._put(worker_id, Release(job=job, kind=task.kind, reason=reason))
        else:
            timeout = timeout_of(task, self.serving.defaults)
            run = JobRun(job, worker_id, timeout, self._outbox.news)
            self._runs[hold_on(job)] = run
            # Not the caller's context: that may be the job's whose slot this is now.
            run.task = self._loop.create_task(self._run(run, task), context=self._context.copy())

    async def _run(self, run: JobRun, task: Task) -> None:
        enter(run)
        job, worker = run.job, run.worker_id
        if self._on_event:
            tell(self._on_event, Started(job))
        started = time.monotonic()
        outcome = await self._outcome(run, task)
        seconds = time.monotonic() - started
        del self._runs[hold_on(job)]
        self._prefetch.note_end()
        self._launch_prefetched()
        if run.cancelled_by is not None:
            outcome = cancelled(run, outcome, can_stop=self._runner.can_stop)
        defaults = self.serving.defaults
        item = settle(job, task, outcome, defaults=defaults, worker=worker, seconds=seconds)
        exception = outcome.exception if isinstance(outcome, Failed) else None
        self._outbox.put(Parcel(worker, item, seconds, exception, run))
        self._news.set()

    async def _outcome(self, run: JobRun, task: Task) -> Outcome:
        job = run.job
        try:
            return await run_within(run.timeout, self._runner, job, task, run.begin)
        except asyncio.CancelledError as error:
            # `asyncio.run` cancels everything in the end: that is no doing of the job.
            is_ending = self._is_stopping or self._taking.cancelling()
            return GivenBack(STOPPED, started=run.has_begun) if is_ending else failed(error)
        except Exception as error:
            logger.exception("The runner itself failed on job %s.", job.task_id)
            return failed(error)

    # Settling

    def _put(self, worker_id: str, item: Settlement | Release) -> None:
        self._outbox.put(Parcel(worker_id, item, 0.0))

    def _written(self, parcel: Parcel, is_accepted: bool) -> None:
        if self._writable() <= 0:
            self._news.set()
        self._held.remove(hold_on(parcel.item.job))
        self._settled_count += 1
        self._settled.set()
        log_settled(parcel, is_accepted=is_accepted)
        if self._on_event and is_accepted and (finished := finished_by(parcel)):
            tell(self._on_event, finished)

    async def _until_settled(self, seconds: float | None) -> None:
        self._settled.clear()
        await until_set(self._settled, seconds)
