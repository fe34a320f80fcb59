"""The consumer: claim, run, settle; with a store that fails, and claims that are lost."""

import asyncio
import logging
import sys
import threading
from contextvars import ContextVar
from datetime import timedelta

import pytest

from flowrra_django.context import current_run
from flowrra_django.engine import consumer as module
from flowrra_django.engine.consumer import MOST_FAILURES
from flowrra_django.engine.dispatch import Call
from flowrra_django.engine.prefetch import Prefetch
from flowrra_django.engine.serving import Serving
from flowrra_django.exceptions import WorkerLostError
from flowrra_django.job import GivenBack, Kind, Lane, Succeeded
from flowrra_django.registry import Task
from flowrra_django.results import TaskStatus
from flowrra_django.retry import Limits
from flowrra_django.runners.base import BaseRunner, unnoticed
from tests.contracts.executors import eventually
from tests.engine.rig import Rig
from tests.executors.stores import SharedBackend


@pytest.fixture(autouse=True, params=[False, True], ids=["one thread", "two threads"])
def _writers(request, monkeypatch):
    """Whether claims and outcomes have threads of their own, as on PostgreSQL, or take turns."""
    monkeypatch.setattr(SharedBackend, "has_many_writers", request.param)


LEFT = ContextVar("LEFT")


async def echo(value=None):
    return value


class Gate:
    def __init__(self):
        self.opened = asyncio.Event()
        self.begun = 0

    async def wait(self, value=None):
        self.begun += 1
        await self.opened.wait()
        return value

    async def filled(self, count=1):
        await eventually(lambda: self.begun == count)


class FailingRunner(BaseRunner):
    """Gives what it was told to for each job, or raises it."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)

    async def start(self):
        pass

    async def stop(self):
        pass

    async def run(self, job, task, begun=unnoticed):
        outcome = self.outcomes.pop(0) if self.outcomes else Succeeded("at last")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def failing_times(errors, func):
    """Return what raises the errors first, and then does what the function does."""
    errors = list(errors)

    def call(*args):
        if errors:
            raise errors.pop(0)
        return func(*args)

    return call


def away(times):
    return [ConnectionError("away")] * times


# Taking and running


async def test_a_job_is_recorded_as_running_before_its_code_runs():
    async with Rig() as rig:
        gate = Gate()
        task_id = rig.enqueue(rig.task(gate.wait), 7)
        await gate.filled()
        seen = rig.stores.result(task_id)
        assert (seen.status, seen.worker) == (TaskStatus.RUNNING, rig.presence.worker_id)
        assert rig.consumer.running == 1
        gate.opened.set()
        assert (await rig.result(task_id)).result == 7
        await eventually(lambda: rig.consumer.settled == 1)
        assert rig.consumer.running == 0


async def test_no_more_jobs_are_claimed_than_there_are_slots():
    async with Rig(slots=3) as rig:
        gate = Gate()
        task = rig.task(gate.wait)
        ids = [rig.enqueue(task) for _ in range(7)]
        await gate.filled(3)
        statuses = [rig.status(task_id) for task_id in ids]
        assert statuses == [TaskStatus.RUNNING] * 3 + [TaskStatus.PENDING] * 4
        gate.opened.set()
        for task_id in ids:
            await rig.result(task_id)


async def test_only_the_lanes_it_serves_are_served_and_that_can_change():
    async with Rig(queues=("a",)) as rig:
        task = rig.task(echo)
        elsewhere = rig.enqueue(task, queue="b")
        await rig.result(rig.enqueue(task, queue="a"))
        assert rig.status(elsewhere) is TaskStatus.PENDING
        rig.consumer.serve(["a", "b"])
        assert (await rig.result(elsewhere)).is_success
        assert rig.consumer.serving.lanes == (Lane("a", Kind.IO), Lane("b", Kind.IO))


async def test_a_delayed_job_runs_when_it_is_due_and_not_a_second_later():
    async with Rig() as rig:
        loop = asyncio.get_running_loop()

        async def moment():
            return loop.time()

        asked = loop.time()
        task_id = rig.enqueue(rig.task(moment), run_after=timedelta(seconds=0.1))
        ran = (await rig.result(task_id)).result
        assert 0.1 <= ran - asked < 0.5


async def test_code_of_a_job_knows_that_it_is_inside_one():
    async with Rig() as rig:

        async def ask():
            inner = asyncio.create_task(asyncio.to_thread(current_run))
            return current_run() is await inner is not None

        assert (await rig.result(rig.enqueue(rig.task(ask)))).result is True
        assert current_run() is None


async def test_a_module_is_not_imported_because_a_job_names_it(tmp_path, monkeypatch):
    (tmp_path / "intruder.py").write_text("async def task(): ...")
    monkeypatch.syspath_prepend(tmp_path)
    async with Rig() as rig:
        stranger = Task(name="intruder.task", func=echo, kind=Kind.IO)
        (task_id,) = rig.dispatcher.enqueue([Call(task=stranger)])
        await eventually(lambda: rig.consumer.settled)
        result = rig.stores.result(task_id)
    assert (result.status, result.attempts) == (TaskStatus.PENDING, 0)
    assert "intruder" not in sys.modules


def test_serving_is_a_value():
    serving = Serving(kind=Kind.CPU, queues=("a", "b"), slots=1, defaults=Limits(0, 0))
    assert serving.lanes == (Lane("a", Kind.CPU), Lane("b", Kind.CPU))
    with pytest.raises(AttributeError):
        serving.slots = 2


# Jobs that are claimed ahead


@pytest.fixture
def _ahead(monkeypatch):
    """Claim two jobs ahead of what begins, whatever the rate."""
    monkeypatch.setattr(Prefetch, "room", lambda prefetch: 2 - len(prefetch))


@pytest.mark.usefixtures("_ahead")
async def test_jobs_that_were_claimed_ahead_begin_in_their_order_when_slots_are_free():
    begun = []

    async def note(number):
        begun.append((number, rig.consumer.running))

    async with Rig(slots=1) as rig:
        gate = Gate()
        blocking = rig.enqueue(rig.task(gate.wait))
        await gate.filled()
        ids = [rig.enqueue(rig.task(note), n) for n in range(4)]
        await eventually(lambda: len(rig.consumer._held) == 3)
        assert [rig.status(i) for i in ids] == ["running", "running", "pending", "pending"]
        gate.opened.set()
        for task_id in (blocking, *ids):
            assert (await rig.result(task_id)).attempts == 1
    assert begun == [(0, 1), (1, 1), (2, 1), (3, 1)]


@pytest.mark.usefixtures("_ahead")
async def test_jobs_that_were_claimed_ahead_see_nothing_of_the_context_of_those_before():
    found = []

    async def leave(number):
        found.append(LEFT.get(None))
        LEFT.set(number)

    async with Rig(slots=1) as rig:
        gate = Gate()
        rig.enqueue(rig.task(gate.wait))
        await gate.filled()
        ids = [rig.enqueue(rig.task(leave), n) for n in range(3)]
        gate.opened.set()
        for task_id in ids:
            await rig.result(task_id)
    assert found == [None, None, None]


@pytest.mark.usefixtures("_ahead")
async def test_what_finds_no_slot_in_time_is_given_back_for_others(monkeypatch):
    async with Rig(slots=1) as rig:
        gate = Gate()
        rig.enqueue(rig.task(gate.wait))
        await gate.filled()
        task_id = rig.enqueue(rig.task(echo), 1)
        await eventually(lambda: rig.status(task_id) is TaskStatus.RUNNING)
        monkeypatch.setattr(Prefetch, "room", lambda prefetch: 0)
        await eventually(lambda: rig.status(task_id) is TaskStatus.PENDING)
        assert rig.stores.result(task_id).attempts == 0
        gate.opened.set()
        assert (await rig.result(task_id)).attempts == 1


@pytest.mark.usefixtures("_ahead")
async def test_what_was_claimed_ahead_is_given_back_at_once_when_the_worker_drains():
    async with Rig(slots=1) as rig:
        gate = Gate()
        first = rig.enqueue(rig.task(gate.wait))
        await gate.filled()
        task_id = rig.enqueue(rig.task(echo), 1)
        await eventually(lambda: rig.status(task_id) is TaskStatus.RUNNING)
        draining = asyncio.create_task(rig.consumer.drain())
        await eventually(lambda: rig.status(task_id) is TaskStatus.PENDING)
        assert not draining.done()
        gate.opened.set()
        await draining
        assert rig.status(first) is TaskStatus.SUCCESS
        assert rig.stores.result(task_id).attempts == 0


@pytest.mark.usefixtures("_ahead")
async def test_what_was_claimed_ahead_and_is_cancelled_never_begins():
    async with Rig(slots=1) as rig:
        gate, late = Gate(), Gate()
        rig.enqueue(rig.task(gate.wait))
        await gate.filled()
        task_id = rig.enqueue(Task(name="late", func=late.wait, kind=Kind.IO))
        await eventually(lambda: rig.status(task_id) is TaskStatus.RUNNING)
        rig.stores.cancel([task_id], by="ada")
        for unwanted in rig.backend.orders(rig.presence.worker_id).unwanted:
            rig.consumer.cancel(unwanted)
        result = await rig.result(task_id)
        assert (result.status, result.cancelled_by) == (TaskStatus.CANCELLED, "ada")
        assert (late.begun, result.attempts) == (0, 0)
        gate.opened.set()


# A store that fails


async def test_with_the_store_away_claiming_goes_on_trying_and_says_so_once(caplog):
    async with Rig() as rig:
        rig.stores.take = failing_times(away(3), rig.stores.take)
        assert (await rig.result(rig.enqueue(rig.task(echo), 1))).result == 1
    words = [m for m in caplog.messages if "store" in m]
    assert words[0] == "The store does not answer (away). Trying again until it does."
    assert words[1].startswith("The store answers again, after ")
    assert len(words) == 2


async def test_an_error_while_claiming_that_is_no_outage_is_logged_and_tried_again(
    monkeypatch, caplog
):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    async with Rig() as rig:
        rig.stores.take = failing_times([RuntimeError("a bug")], rig.stores.take)
        assert (await rig.result(rig.enqueue(rig.task(echo), 1))).result == 1
    assert "Claiming jobs failed; it is tried again." in caplog.messages


async def test_with_the_store_away_outcomes_are_kept_until_it_is_back():
    async with Rig() as rig:
        gate = Gate()
        task_id = rig.enqueue(rig.task(gate.wait), 1)
        await gate.filled()
        rig.stores.settle = failing_times(away(3), rig.stores.settle)
        gate.opened.set()
        assert (await rig.result(task_id)).result == 1
        await eventually(lambda: not rig.consumer._held)


async def test_no_more_jobs_are_taken_while_too_many_outcomes_are_not_written(monkeypatch):
    monkeypatch.setattr(module, "MOST_UNWRITTEN", 6)
    ran, errors = [], away(1)

    async def note(number):
        ran.append(number)

    async with Rig(slots=2) as rig:
        settle = rig.stores.settle

        def settle_unless_away(*args):
            if errors:
                raise errors[0]
            return settle(*args)

        rig.stores.settle = settle_unless_away
        task = rig.task(note)
        ids = [rig.enqueue(task, n) for n in range(30)]
        await eventually(lambda: len(ran) == 10)
        assert len(rig.consumer._held) == 10
        errors.clear()
        for task_id in ids:
            await rig.result(task_id)


async def test_a_claim_whose_reply_was_lost_is_given_back_and_run(caplog):
    async with Rig() as rig:
        task = rig.task(echo)
        take, losses = rig.stores.take, [1]

        def lossy(*args):
            taken = take(*args)
            if taken.jobs and losses:
                losses.pop()
                raise ConnectionError("the reply was lost")
            return taken

        rig.stores.take = lossy
        result = await rig.result(rig.enqueue(task, 1))
    assert (result.result, result.attempts, result.retries) == (1, 1, 0)
    assert "Gave back 1 jobs whose claim had got lost on the way." in caplog.messages


async def test_doubt_leaves_alone_what_is_held():
    async with Rig() as rig:
        gate = Gate()
        task_id = rig.enqueue(rig.task(gate.wait), 1)
        await gate.filled()
        rig.consumer.doubt()
        assert (await rig.result(rig.enqueue(rig.task(echo)))).is_success
        assert rig.status(task_id) is TaskStatus.RUNNING
        gate.opened.set()
        assert (await rig.result(task_id)).attempts == 1


# Claims that are lost


async def test_a_job_that_was_lost_and_taken_again_counts_under_its_new_claim_alone(caplog):
    """The worker is given up for dead while it lives; it comes back as new, and takes its job."""
    async with Rig(slots=2) as rig:
        gates = [Gate(), Gate()]
        calls = []

        async def held():
            gate = gates[len(calls)]
            calls.append(1)
            return await gate.wait(len(calls))

        task_id = rig.enqueue(rig.task(held))
        await gates[0].filled()
        (beat,) = rig.backend.beats()
        assert len(rig.stores.rescue(rig.presence.worker_id, beat.at).waiting) == 1
        rig.presence.beat()
        rig.consumer.wake()
        await gates[1].filled()
        assert rig.consumer.running == 2
        gates[0].opened.set()
        await eventually(lambda: rig.consumer.settled == 1)
        assert rig.consumer.running == 1
        assert rig.status(task_id) is TaskStatus.RUNNING
        gates[1].opened.set()
        result = await rig.result(task_id)
        await eventually(lambda: rig.consumer.settled == 2)
        assert (result.result, result.attempts, result.crashes) == (2, 2, 1)
        assert (await rig.result(rig.enqueue(rig.task(echo), "goes on"))).result == "goes on"
    assert any("was given to another worker" in message for message in caplog.messages)


async def test_a_job_that_is_taken_again_before_its_settling_is_told_is_not_forgotten():
    """With the settling of others in the same batch, the store has time to hand it out again."""
    async with Rig(slots=4) as rig:
        calls = []

        async def flaky():
            calls.append(1)
            if len(calls) < 40:
                raise ValueError
            return len(calls)

        unknown = rig.task(echo)
        task_id = rig.enqueue(rig.task(flaky, max_retries=100))
        rig.registry.unregister("echo")
        for _ in range(30):
            rig.enqueue(unknown)
        assert (await rig.result(task_id)).result == 40
        await eventually(lambda: not rig.consumer._held)


# Runners


async def test_a_runner_that_fails_fails_its_job_and_no_other(caplog):
    async with Rig(runner=FailingRunner(RuntimeError("the runner's own"))) as rig:
        task = rig.task(echo)
        result = await rig.result(rig.enqueue(task))
        assert (result.status, result.error) == (TaskStatus.FAILED, "the runner's own")
        assert (await rig.result(rig.enqueue(task))).result == "at last"
    assert any("The runner itself failed" in message for message in caplog.messages)


async def test_what_a_runner_gives_back_is_run_again_at_no_cost():
    async with Rig(runner=FailingRunner(*[GivenBack("no child")] * 3)) as rig:
        result = await rig.result(rig.enqueue(rig.task(echo)))
    assert (result.result, result.attempts, result.failures) == ("at last", 1, 0)


async def test_what_a_runner_gives_back_for_later_comes_back_later():
    async with Rig(runner=FailingRunner(GivenBack("full", delay=0.1))) as rig:
        result = await rig.result(rig.enqueue(rig.task(echo)))
    assert (result.started_at - result.submitted_at).total_seconds() >= 0.1


@pytest.mark.parametrize(("started", "status"), [(True, "failed"), (False, "success")])
async def test_what_may_run_once_and_had_begun_is_not_run_again(started, status):
    runner = FailingRunner(GivenBack("The slot went away.", started=started))
    async with Rig(runner=runner) as rig:
        result = await rig.result(rig.enqueue(rig.task(echo, max_retries=0, max_crashes=0)))
    assert result.status == status
    if started:
        kind = WorkerLostError
        assert result.error_type == f"{kind.__module__}.{kind.__qualname__}"


# Draining and stopping


class SlowToBegin(FailingRunner):
    """Tells that the code begins, if at all, before it waits for ever."""

    def __init__(self, begins):
        super().__init__()
        self.begins = begins
        self.is_called = False

    async def run(self, job, task, begun=unnoticed):
        self.is_called = True
        if self.begins:
            begun()
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("begins", "status"), [(True, TaskStatus.FAILED), (False, TaskStatus.PENDING)]
)
async def test_what_may_run_once_is_given_back_by_a_stop_if_it_had_not_begun(begins, status):
    runner = SlowToBegin(begins)
    async with Rig(runner=runner) as rig:
        task_id = rig.enqueue(rig.task(echo, max_retries=0, max_crashes=0))
        await eventually(lambda: runner.is_called)
    assert rig.status(task_id) is status


async def test_to_drain_is_to_finish_what_runs_and_take_no_more():
    async with Rig(slots=1) as rig:
        gate = Gate()
        first, second = (rig.enqueue(rig.task(gate.wait)) for _ in range(2))
        await gate.filled()
        drain = asyncio.create_task(rig.consumer.drain())
        await asyncio.wait([drain], timeout=0.05)
        assert not drain.done()
        gate.opened.set()
        await asyncio.wait_for(drain, 5)
        assert rig.status(first) is TaskStatus.SUCCESS
        assert rig.status(second) is TaskStatus.PENDING
        taking, writing = rig.consumer.loop_tasks
        assert taking.done()
        assert not writing.done()


async def test_what_is_claimed_while_draining_is_given_back():
    async with Rig() as rig:
        take, may_answer = rig.stores.take, threading.Event()

        def slow(*args):
            taken = take(*args)
            if taken.jobs:
                may_answer.wait(5)
            return taken

        rig.stores.take = slow
        task_id = rig.enqueue(rig.task(echo))
        await eventually(lambda: rig.status(task_id) is TaskStatus.RUNNING)
        drain = asyncio.create_task(rig.consumer.drain())
        await asyncio.sleep(0)
        may_answer.set()
        await asyncio.wait_for(drain, 5)
        result = rig.stores.result(task_id)
        assert (result.status, result.attempts) == (TaskStatus.PENDING, 0)


async def test_to_finish_is_to_wait_for_retries_but_not_for_what_is_scheduled():
    async with Rig() as rig:
        calls = []

        async def flaky():
            calls.append(1)
            if len(calls) == 1:
                raise ValueError

        later = rig.enqueue(rig.task(echo), run_after=timedelta(hours=1))
        task_id = rig.enqueue(rig.task(flaky, max_retries=1, retry_delay=0.05))
        assert await rig.consumer.has_work()
        await asyncio.wait_for(rig.consumer.finish(), 5)
        assert rig.status(task_id) is TaskStatus.SUCCESS
        assert rig.status(later) is TaskStatus.PENDING
        assert not await rig.consumer.has_work()


async def test_to_finish_ends_with_the_error_when_claims_fail_again_and_again(monkeypatch, caplog):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    async with Rig() as rig:
        rig.stores.take = failing_times([RuntimeError("a bug")] * 1000, rig.stores.take)
        rig.enqueue(rig.task(echo))
        with pytest.raises(RuntimeError, match="a bug"):
            await asyncio.wait_for(rig.consumer.finish(), 5)
    assert "Claiming failed 5 times in a row; it is given up." in caplog.messages


async def test_to_finish_bears_failures_that_are_not_in_a_row(monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    async with Rig(slots=1) as rig:
        take, calls = rig.stores.take, []

        def mostly_failing(*args):
            calls.append(1)
            if len(calls) % MOST_FAILURES:
                raise RuntimeError("a bug")
            return take(*args)

        rig.stores.take = mostly_failing
        ids = [rig.enqueue(rig.task(echo)) for _ in range(3)]
        await asyncio.wait_for(rig.consumer.finish(), 5)
        assert {rig.status(task_id) for task_id in ids} == {TaskStatus.SUCCESS}


async def test_to_finish_is_to_wait_for_what_runs_though_claims_fail(monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    async with Rig() as rig:
        gate = Gate()
        task_id = rig.enqueue(rig.task(gate.wait))
        await gate.filled()
        rig.stores.take = failing_times([RuntimeError("a bug")] * 1000, rig.stores.take)
        rig.enqueue(rig.task(echo))
        finish = asyncio.create_task(rig.consumer.finish())
        await eventually(lambda: len(rig.consumer._failures) == MOST_FAILURES)
        assert not finish.done()
        gate.opened.set()
        with pytest.raises(RuntimeError, match="a bug"):
            await asyncio.wait_for(finish, 5)
        assert rig.status(task_id) is TaskStatus.SUCCESS


async def test_there_is_work_while_a_job_runs_even_when_another_is_only_scheduled():
    async with Rig() as rig:
        gate = Gate()
        rig.enqueue(rig.task(echo), run_after=timedelta(hours=1))
        task_id = rig.enqueue(rig.task(gate.wait))
        assert await rig.consumer.has_work()  # it is claimed while this is asked
        gate.opened.set()
        await rig.result(task_id)
        await eventually(lambda: not rig.consumer._held)
        assert not await rig.consumer.has_work()


async def test_to_drain_is_to_write_what_an_outbox_that_has_ended_left():
    async with Rig() as rig:
        (writing,) = (task for task in asyncio.all_tasks() if task.get_name() == "flowrra-outbox")
        assert writing in rig.consumer.loop_tasks
        writing.cancel()
        await asyncio.wait([writing])
        task_id = rig.enqueue(rig.task(echo), 1)
        await eventually(lambda: rig.consumer._held and not rig.consumer.running)
        await asyncio.wait_for(rig.consumer.drain(), 5)
        assert rig.status(task_id) is TaskStatus.SUCCESS


async def test_when_all_tasks_of_the_loop_are_cancelled_jobs_are_given_back_and_not_failed():
    """As `asyncio.run` does at its end; the executor's stop comes after it."""
    async with Rig() as rig:
        gate = Gate()
        task_id = rig.enqueue(rig.task(gate.wait))
        await gate.filled()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        asked = asyncio.get_running_loop().time()
    stop_took = asyncio.get_running_loop().time() - asked
    assert stop_took < module.CANCEL_SECONDS  # it waits for none of them
    result = rig.stores.result(task_id)
    assert (result.status, result.attempts, result.failures) == (TaskStatus.PENDING, 0, 0)


async def test_a_stop_leaves_no_subscription_and_no_task():
    before = asyncio.all_tasks()
    async with Rig() as rig:
        assert rig.stores.broker.has_subscribers
    assert not rig.stores.broker.has_subscribers
    await eventually(lambda: asyncio.all_tasks() == before)


async def test_a_consumer_can_be_woken_from_any_thread_even_when_its_loop_is_gone():
    consumers = []

    def other_loop():
        async def main():
            async with Rig() as rig:
                consumers.append(rig.consumer)

        asyncio.run(main())

    await asyncio.to_thread(other_loop)
    consumers[0].wake()
    async with Rig() as rig:
        task = rig.task(echo)
        task_id = await asyncio.to_thread(rig.enqueue, task, 1)
        assert (await rig.result(task_id)).result == 1


# What is logged


async def test_each_end_of_a_job_is_one_line_with_its_task_and_id(caplog):
    caplog.set_level(logging.DEBUG, "flowrra_django.jobs")
    async with Rig() as rig:

        async def fail():
            raise ValueError("no luck")

        good = rig.enqueue(rig.task(echo))
        bad = rig.enqueue(rig.task(fail, max_retries=1, retry_delay=0.0))
        for task_id in (good, bad):
            await rig.result(task_id)
        await eventually(lambda: rig.consumer.settled == 3)
    records = [record for record in caplog.records if record.name == "flowrra_django.jobs"]
    assert {(r.task_name, r.task_id) for r in records} == {("echo", good), ("fail", bad)}
    levels = [(r.levelname, r.task_name) for r in records if r.task_id == bad]
    assert levels == [("WARNING", "fail"), ("ERROR", "fail")]
    words = [r.getMessage() for r in records]
    assert any(f"echo {good} succeeded in " in line for line in words)
    assert any("runs again in 0 s: ValueError: no luck" in line for line in words)
