"""A pair under any order of events, from several workers, against a model of a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flowrra_django.history import KEPT_ATTEMPTS
from flowrra_django.job import FIRST_PRIORITY, UNTIL_START, Job, Kind, Lane
from flowrra_django.results import TaskStatus, count_retries
from flowrra_django.retry import Release
from tests.contracts.acts import crash, enlist, failure, new_job, success, to_retry
from tests.contracts.stores import MEMORY, Clock, Ledger, Pair

WORKERS = ("a", "b")
LANES = tuple(Lane(queue, kind) for queue in ("default", "mail") for kind in (Kind.IO, Kind.CPU))
STEP = 100  # delays are half steps of the clock, so that the real time in between does not matter
DELAYS = (0, 0, 0, STEP / 2, STEP * 3 / 2)
EVERYTHING = 10_000
WISHES = st.fixed_dictionaries(
    {
        "lane": st.sampled_from(LANES),
        "priority": st.integers(-1, 1),
        "delay": st.sampled_from(DELAYS),
        "max_crashes": st.integers(0, 2),
        "key": st.sampled_from([None, None, "finish", f"{UNTIL_START}it"]),
    }
)
CHOICE_OF_WRITE = st.fixed_dictionaries(
    {
        "how": st.sampled_from(["success", "failure", "crash", "retry", "release"]),
        "delay": st.sampled_from(DELAYS),
        "kind": st.sampled_from([None, Kind.IO, Kind.CPU]),
    }
)
WRITES = {
    "success": lambda job, delay: success(job),
    "failure": lambda job, delay: failure(job),
    "crash": lambda job, delay: crash(job),
    "retry": to_retry,
}


@dataclass
class Expected:
    """What the model knows of a job."""

    task_id: str
    order: int
    lane: Lane
    due: float
    priority: int
    max_crashes: int
    key: str | None
    status: TaskStatus = TaskStatus.PENDING
    claim: int = 0
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    errors: int = 0
    worker: str | None = None
    is_unwanted: bool = False
    ended: float = 0.0

    def wait(self, due: float, now: float) -> None:
        if self.is_unwanted:
            self.end(TaskStatus.CANCELLED, now)
            return
        self.status = TaskStatus.RETRYING if self.failures + self.crashes else TaskStatus.PENDING
        self.due, self.worker = due, None

    def end(self, status: TaskStatus, now: float) -> None:
        self.status, self.ended, self.key = status, now, None

    def start(self, worker: str) -> None:
        self.status, self.worker = TaskStatus.RUNNING, worker
        self.claim += 1
        self.attempts += 1
        if self.key and self.key.startswith(UNTIL_START):
            self.key = None

    def lose(self, now: float) -> None:
        """Count a crash; run again, or fail."""
        self.crashes += 1
        self.errors += 1
        if self.crashes > self.max_crashes:
            self.end(TaskStatus.FAILED, now)
        else:
            self.wait(now, now)


@dataclass(frozen=True)
class Claim:
    """What a worker was given, for as long as it remembers."""

    worker: str
    job: Job


class PairMachine(RuleBasedStateMachine):
    """Makes the calls, and foretells what each returns and what it leaves."""

    pair: ClassVar[Pair]
    jobs = Bundle("jobs")
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.pair.ledger.wipe()
        self.pair.wipe_index()
        self.clock = Clock()
        self.stores = self.pair.open(self.clock)
        self.backend, self.broker = self.stores.backend, self.stores.broker
        self.expected: dict[str, Expected] = {}
        self.enlisted = set(WORKERS)
        self.claims_made: dict[tuple[str, int], Claim] = {}
        self.written: set[tuple[str, int]] = set()
        self.arrivals = 0
        enlist(self.backend, *WORKERS)

    def teardown(self) -> None:
        self.stores.stop()  # the connection is for the next example too

    @property
    def now(self) -> float:
        return self.clock.seconds()

    # The way in

    @initialize(target=jobs, wishes=st.lists(WISHES, min_size=3, max_size=8))
    def begin(self, wishes: list[dict[str, Any]]) -> Any:
        return multiple(*map(self.recorded_as, wishes))

    @rule(target=jobs, wish=WISHES)
    def enqueue(self, wish: dict[str, Any]) -> str:
        return self.recorded_as(wish)

    def recorded_as(self, wish: dict[str, Any]) -> str:
        lane, delay = wish["lane"], wish["delay"]
        limits = {"priority": wish["priority"], "max_crashes": wish["max_crashes"]}
        run_after = timedelta(seconds=delay) if delay else None
        where = {"queue": lane.queue, "kind": lane.kind, "unique_key": wish["key"]}
        job = new_job(self.backend, run_after=run_after, **where, **limits)
        recorded = self.stores.record([job])
        self.stores.index(recorded)
        first = self.holder(wish["key"])
        if first is not None:
            assert recorded == ([], [], {job.task_id: first.task_id})
            return first.task_id
        assert recorded.duplicates == {}
        self.arrivals += 1
        self.expected[job.task_id] = Expected(
            job.task_id, self.arrivals, lane, self.now + delay, key=wish["key"], **limits
        )
        return job.task_id

    # Workers

    @precondition(lambda self: self.waiting())
    @rule(target=claims, worker=st.sampled_from(WORKERS), limit=st.integers(1, 4))
    def take_all(self, worker: str, limit: int) -> Any:
        """Take from all lanes, coming back first if this worker has been given up."""
        if worker not in self.enlisted:
            enlist(self.backend, worker)
            self.enlisted.add(worker)
        return self.taken(worker, list(LANES), limit)

    @rule(
        target=claims,
        worker=st.sampled_from(WORKERS),
        lanes=st.lists(st.sampled_from(LANES), min_size=1, max_size=4, unique=True),
        limit=st.integers(1, 4),
    )
    def take_some(self, worker: str, lanes: list[Lane], limit: int) -> Any:
        return self.taken(worker, lanes, limit)

    def taken(self, worker: str, lanes: list[Lane], limit: int) -> Any:
        due = self.due_on(lanes)[:limit] if worker in self.enlisted else []
        jobs, next_due = self.stores.take(worker, lanes, limit)
        assert [job.task_id for job in jobs] == [known.task_id for known in due]
        for job, known in zip(jobs, due, strict=True):
            assert job.claim == known.claim + 1, "claim numbers grow by one each time"
            known.start(worker)
            self.check_job(job, known)
        if worker in self.enlisted and not jobs:
            self.check_next_due(next_due, lanes)
        claims = [Claim(worker, job) for job in jobs]
        self.claims_made.update(((c.job.task_id, c.job.claim), c) for c in claims)
        return multiple(*claims)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), write=CHOICE_OF_WRITE)
    def write_what_runs(self, data: st.DataObject, write: dict[str, Any]) -> None:
        running = sorted(self.running(), key=lambda known: known.order)
        known = data.draw(st.sampled_from(running), label="running")
        self.write(self.claims_made[known.task_id, known.claim], **write)

    @rule(claim=claims, write=CHOICE_OF_WRITE)
    def write_what_was_claimed_once(self, claim: Claim, write: dict[str, Any]) -> None:
        self.write(claim, **write)

    def write(self, claim: Claim, how: str, delay: float, kind: Kind | None) -> None:
        if how == "release":
            self.release(claim, delay, kind)
        else:
            self.settle(claim, how, delay)

    def settle(self, claim: Claim, kind: str, delay: float) -> None:
        written = self.stores.settle(claim.worker, [WRITES[kind](claim.job, delay)])
        known = self.held(claim)
        self.check_accepted(claim, written.accepted)
        if known is None:
            return
        known.errors += kind in {"failure", "retry"}
        known.failures += kind in {"failure", "retry"}
        if kind == "crash":
            known.lose(self.now)
        elif kind == "retry":
            known.wait(self.now + delay, self.now)
        else:
            known.end(TaskStatus.SUCCESS if kind == "success" else TaskStatus.FAILED, self.now)
        self.check_cancelled(known, written.cancelled)

    def release(self, claim: Claim, delay: float, kind: Kind | None) -> None:
        given_back = Release(job=claim.job, delay=delay, kind=kind)
        written = self.stores.release(claim.worker, [given_back])
        known = self.held(claim)
        self.check_accepted(claim, written.accepted)
        if known is not None:
            known.attempts -= 1
            known.lane = known.lane._replace(kind=kind or known.lane.kind)
            known.wait(self.now + delay, self.now)
            self.check_cancelled(known, written.cancelled)

    @rule(worker=st.sampled_from(WORKERS), event=st.sampled_from(["beats", "leaves", "dies"]))
    def hear_of_worker(self, worker: str, event: str) -> None:
        """Let a worker beat, leave with jobs in its hands, or be rescued."""
        seen = self.beat_of(worker)
        if event == "leaves":
            self.backend.dismiss(worker)
            self.enlisted.discard(worker)
            return
        is_alive = event == "beats" and self.backend.beat(worker)
        lost = [] if is_alive else [each for each in self.running() if each.worker == worker]
        freed = self.stores.rescue(worker, seen)
        for known in lost:
            known.lose(self.now)
        assert len(freed.waiting) == sum(known.status.is_waiting for known in lost)
        assert len(freed.failed) == sum(known.status == "failed" for known in lost)
        assert len(freed.cancelled) == sum(known.status == "cancelled" for known in lost)
        assert is_alive is (event == "beats" and worker in self.enlisted)
        if not is_alive:
            self.enlisted.discard(worker)

    # Anybody

    @rule(task_ids=st.lists(jobs, min_size=1, max_size=3))
    def cancel(self, task_ids: list[str]) -> None:
        known = [self.expected[i] for i in set(task_ids) if i in self.expected]
        open_jobs = [each for each in known if not each.status.is_final]
        assert self.stores.cancel(task_ids) == {each.task_id for each in open_jobs}
        for each in open_jobs:
            each.is_unwanted = True
            if each.status.is_waiting:
                each.end(TaskStatus.CANCELLED, self.now)

    @rule(task_ids=st.lists(jobs, min_size=1, max_size=3))
    def retry(self, task_ids: list[str]) -> None:
        known = [self.expected[i] for i in set(task_ids) if i in self.expected]
        final = [each for each in known if each.status.is_final]
        assert self.stores.retry(task_ids) == {each.task_id for each in final}
        for each in final:
            each.attempts = each.failures = each.crashes = 0
            each.is_unwanted = False
            each.wait(self.now, self.now)

    @rule(task_ids=st.lists(jobs, min_size=1, max_size=3))
    def run_now(self, task_ids: list[str]) -> None:
        known = [self.expected[i] for i in set(task_ids) if i in self.expected]
        waiting = [each for each in known if each.status.is_waiting]
        assert self.stores.run_now(task_ids) == {each.task_id for each in waiting}
        for each in waiting:
            each.priority, each.due = FIRST_PRIORITY, min(each.due, self.now)

    @rule(limit=st.sampled_from([0, 0, 1, EVERYTHING]))
    def pass_time(self, limit: int) -> None:
        """Let time pass, and prune up to so many jobs."""
        self.clock.advance(STEP)
        old = {
            known.task_id
            for known in self.expected.values()
            if known.status.is_final and self.now - known.ended > STEP / 2
        }
        pruned = self.backend.prune(STEP / 2, limit)
        gone = old - set(self.backend.results(old))
        assert pruned == len(gone) == min(limit, len(old))
        for task_id in gone:
            del self.expected[task_id]

    # What holds all the time

    @invariant()
    def every_record_is_as_foretold(self) -> None:
        results = self.backend.results(list(self.expected))
        assert set(results) == set(self.expected)
        for task_id, known in self.expected.items():
            result = results[task_id]
            assert result.status is known.status
            assert (result.attempts, result.failures) == (known.attempts, known.failures)
            assert (result.crashes, result.worker) == (known.crashes, known.worker)
            assert result.retries == count_retries(known.status, known.failures, known.crashes)
            assert (result.finished_at is not None) is known.status.is_final

    @invariant()
    def each_job_is_held_by_who_runs_it_and_nobody_else(self) -> None:
        holders = [
            (job.task_id, job.claim, worker)
            for worker in WORKERS
            for kind in Kind
            for job in self.backend.held(worker, kind)
        ]
        running = self.running()
        assert sorted(holders) == sorted((e.task_id, e.claim, e.worker) for e in running)
        assert self.backend.strays() == {e.worker for e in running} - self.enlisted

    @invariant()
    def the_index_counts_what_waits(self) -> None:
        for lane in LANES:
            waiting = {e.task_id for e in self.waiting() if e.lane == lane}
            assert self.broker.depth([lane], EVERYTHING) == len(waiting)
            assert set(self.backend.waiting([lane], EVERYTHING)) == waiting
        assert self.backend.queues() == {e.lane.queue for e in self.waiting()}
        has_work = any(e.status is TaskStatus.RETRYING or e.due <= self.now for e in self.waiting())
        assert self.backend.has_work(LANES) is has_work

    # The model's own questions

    def holder(self, key: str | None) -> Expected | None:
        """Return the job that has the key."""
        return next((e for e in self.expected.values() if key and e.key == key), None)

    def waiting(self) -> list[Expected]:
        return [known for known in self.expected.values() if known.status.is_waiting]

    def running(self) -> list[Expected]:
        return [e for e in self.expected.values() if e.status is TaskStatus.RUNNING]

    def due_on(self, lanes: list[Lane]) -> list[Expected]:
        due = [e for e in self.waiting() if e.lane in lanes and e.due <= self.now]
        return sorted(due, key=lambda known: (known.priority, known.order))

    def held(self, claim: Claim) -> Expected | None:
        """Return the job if the claim still holds it."""
        known = self.expected.get(claim.job.task_id)
        holding = TaskStatus.RUNNING, claim.worker, claim.job.claim
        is_held = known is not None and (known.status, known.worker, known.claim) == holding
        return known if is_held else None

    def beat_of(self, worker: str) -> datetime | None:
        beats = {beat.worker.worker_id: beat.at for beat in self.backend.beats()}
        assert set(beats) == self.enlisted
        return beats.get(worker)

    def check_accepted(self, claim: Claim, accepted: set[str]) -> None:
        """A held claim is written; one that never was cannot be; else it was sent again."""
        key = claim.job.task_id, claim.job.claim
        if self.held(claim):
            assert accepted == {claim.job.task_id}
            self.written.add(key)
        elif key not in self.written:
            assert accepted == set()

    def check_cancelled(self, known: Expected, cancelled: set[str]) -> None:
        is_cancelled = known.status is TaskStatus.CANCELLED
        assert cancelled == ({known.task_id} if is_cancelled else set())

    def check_job(self, job: Job, known: Expected) -> None:
        assert (job.lane, job.priority) == (known.lane, known.priority)
        assert (job.attempts, job.failures, job.crashes) == (
            known.attempts,
            known.failures,
            known.crashes,
        )
        assert job.history.count('"attempt":') == min(KEPT_ATTEMPTS, known.errors)

    def check_next_due(self, next_due: float | None, lanes: list[Lane]) -> None:
        delays = [e.due - self.now for e in self.waiting() if e.lane in lanes]
        assert next_due == (pytest.approx(min(delays), abs=5) if delays else None)


def _examples(ledger: Ledger) -> int:
    """Return how many there is time for: a server answers each call in its own."""
    if ledger.server:
        return 15
    return 250 if ledger is MEMORY else 60


def _phases(ledger: Ledger) -> tuple[Phase, ...]:
    """Return what to do: a failure is made shorter only where that takes seconds.

    Elsewhere it takes minutes, in which a run that is limited ends without having told of it. Let
    it be done for the seed that failed, by hand.
    """
    return (Phase.generate, Phase.shrink) if ledger is MEMORY else (Phase.generate,)


def test_any_order_of_events_leaves_what_the_model_foretells(pair):
    machine = type("Machine", (PairMachine,), {"pair": pair})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=_examples(pair.ledger),
            phases=_phases(pair.ledger),
            stateful_step_count=50,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
