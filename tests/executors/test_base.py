"""What all executors have in common, as far as one store and one kind of code show it."""

import asyncio
import gc
import inspect
import logging
import threading
import time
import uuid
from collections import Counter
from contextlib import suppress
from random import Random

import pytest

from flowrra_django import retry
from flowrra_django.config import BackendConfig, BrokerConfig, Config, ExecutorConfig
from flowrra_django.engine import consumer as engine_consumer
from flowrra_django.engine.dispatch import Call, Dispatcher
from flowrra_django.exceptions import (
    ConfigurationError,
    ExecutorNotRunningError,
    TaskTimeoutError,
)
from flowrra_django.executors.base import BaseTaskExecutor
from flowrra_django.executors.io_executor import IOExecutor
from flowrra_django.executors.thread_executor import ThreadExecutor
from flowrra_django.job import Kind
from flowrra_django.registry import Task, TaskRegistry
from flowrra_django.results import TaskStatus
from flowrra_django.runners.coroutine import CoroutineRunner
from tests.contracts.executors import ended, eventually, status_of
from tests.executors.stores import shared


def config_of(url="memory://", **options):
    return Config(BrokerConfig(url), BackendConfig(url), ExecutorConfig(**options))


def named():
    return f"memory://{uuid.uuid4().hex}"


async def nothing():
    pass


async def echo(value):
    return value


class Gate:
    """Coroutines that wait until it opens, and tell how many do."""

    def __init__(self):
        self.opened = asyncio.Event()
        self.waiting = 0

    async def wait(self):
        self.waiting += 1
        await self.opened.wait()

    async def filled(self, count=1):
        await eventually(lambda: self.waiting == count)


# The contract's letter


def test_the_signatures_are_the_contracts():
    def parameters(func):
        return [
            (p.name, p.default) if p.default is not p.empty else p.name
            for p in inspect.signature(func).parameters.values()
            if p.kind is not p.KEYWORD_ONLY or p.name != "wiring"
        ]

    base = BaseTaskExecutor
    assert parameters(base) == ["config", ("registry", None), ("queue_suffix", "")]
    assert parameters(base.task) == ["self", "args", "kwargs"]
    assert parameters(base.submit) == ["self", "task_func", "args", ("priority", 0), "kwargs"]
    assert parameters(base.wait_for_result) == ["self", "task_id", ("timeout", None)]
    assert parameters(base.get_result) == ["self", "task_id"]
    assert parameters(base.start) == ["self"]
    assert parameters(base.stop) == ["self", ("wait", True), ("timeout", 30.0)]
    coroutines = (base.submit, base.wait_for_result, base.get_result, base.start, base.stop)
    assert all(inspect.iscoroutinefunction(func) for func in coroutines)


def test_it_is_abstract_in_start_and_stop_alone():
    assert BaseTaskExecutor.__abstractmethods__ == {"start", "stop"}
    with pytest.raises(TypeError, match="abstract"):
        BaseTaskExecutor(Config())


class OwnExecutor(BaseTaskExecutor):
    """An executor as somebody else might write it."""

    async def start(self):
        await self._start(CoroutineRunner(self._stores.backend.codec), 1)

    async def stop(self, wait=True, timeout=30.0):
        await self._stop(wait, timeout)


async def test_an_executor_of_ones_own_runs_jobs():
    executor = OwnExecutor(Config())
    assert executor.kind is Kind.IO
    async with executor:
        executor.task("mine", max_retries=0, queue="mail", priority=3)(echo)
        assert executor.registry.find(echo).queue == "mail"
        result = await ended(executor, await executor.submit(echo, 1))
    assert (result.result, result.queue, result.task_name) == (1, "mail", "mine")


def test_the_suffix_names_the_kind_of_code():
    assert OwnExecutor(Config(), None, ":thread").kind is Kind.THREAD
    with pytest.raises(ValueError, match="'gpu'"):
        OwnExecutor(Config(), queue_suffix=":gpu")


def test_a_registry_is_made_or_shared_even_when_it_is_empty():
    registry = TaskRegistry()
    assert IOExecutor(registry=registry).registry is registry
    assert IOExecutor().registry is not IOExecutor().registry


@pytest.mark.parametrize("option", ["io_workers", "thread_workers", "cpu_workers"])
@pytest.mark.parametrize("number", [0, -1, 10_001, 1.5, True, "4", None])
def test_a_number_of_workers_that_cannot_be_is_refused(option, number):
    with pytest.raises(ConfigurationError, match=f"{option} must be an integer from 1 to 10000"):
        ExecutorConfig(**{option: number})


# Queues


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_task_of_another_queue_runs_too(when):
    registry = TaskRegistry()
    if when == "before":
        registry.task(queue="mail")(echo)
    async with IOExecutor(registry=registry) as executor:
        if when == "after":
            registry.task(queue="mail")(echo)
        result = await ended(executor, await executor.submit(echo, 1))
    assert (result.status, result.queue) == (TaskStatus.SUCCESS, "mail")


async def test_an_executor_takes_what_others_enqueued_on_the_queues_of_its_tasks():
    config, registry = config_of(named()), TaskRegistry()
    registry.task(queue="mail")(echo)
    async with IOExecutor(config, registry) as one, IOExecutor(config, registry) as two:
        await one.stop()
        dispatcher = Dispatcher(one._stores)
        (task_id,) = dispatcher.enqueue([Call(task=registry.find(echo), args=(1,))])
        assert (await ended(two, task_id)).result == 1


async def test_a_backend_without_a_broker_is_for_results_and_no_queue_for_others(ledger_database):
    private = Config(backend=BackendConfig("django://default"))
    async with IOExecutor(private) as one, IOExecutor(config_of("django://default")) as two:
        one.task()(echo)
        gate = Gate()
        one.registry.task("gate")(gate.wait)
        two.registry.task("gate")(nothing)
        task_id = await two.submit(nothing)
        assert (await ended(two, task_id)).queue == "default"
        task_id = await one.submit(gate.wait)
        await gate.filled()
        assert (await one.get_result(task_id)).queue != "default"
        gate.opened.set()
        assert (await ended(two, task_id)).is_success


# A full queue


@pytest.mark.parametrize("make_url", [lambda: "memory://", named], ids=["private", "named"])
async def test_a_queue_never_holds_more_than_its_limit(make_url):
    config = config_of(make_url(), io_workers=1, max_queue_size=3)
    gate = Gate()
    async with IOExecutor(config) as one, IOExecutor(config) as two:
        for executor in (one, two):
            executor.task("gate")(gate.wait)
            await executor.submit(gate.wait)
        await gate.filled(2)
        many = [asyncio.create_task(e.submit(gate.wait)) for e in (one, two) for _ in range(9)]
        await asyncio.wait(many, timeout=0.05)
        queues = 1 if one._stores is two._stores else 2
        assert sum(submit.done() for submit in many) == 3 * queues
        gate.opened.set()
        await asyncio.gather(*many)


async def test_a_job_may_submit_to_a_full_queue():
    async with IOExecutor(config_of(io_workers=1, max_queue_size=1)) as executor:

        @executor.task()
        async def parent():
            return [await executor.submit(echo, number) for number in range(5)]

        executor.task()(echo)
        ids = (await ended(executor, await executor.submit(parent))).result
        results = [await ended(executor, task_id) for task_id in ids]
    assert [result.result for result in results] == [0, 1, 2, 3, 4]


async def test_a_job_in_a_thread_may_submit_to_a_full_queue():
    loop = asyncio.get_running_loop()
    async with ThreadExecutor(config_of(thread_workers=1, max_queue_size=1)) as executor:

        @executor.task(max_retries=0)
        def parent():
            submits = [executor.submit(child) for _ in range(3)]
            return [asyncio.run_coroutine_threadsafe(s, loop).result(5) for s in submits]

        @executor.task()
        def child():
            return "done"

        ids = (await ended(executor, await executor.submit(parent))).result
        assert [(await ended(executor, task_id)).result for task_id in ids] == ["done"] * 3


# Waiting


async def test_waiting_is_no_polling_in_memory(monkeypatch):
    async with IOExecutor() as executor:
        gate = Gate()
        executor.task()(gate.wait)
        task_id = await executor.submit(gate.wait)
        await gate.filled()
        reads = []
        read = executor._stores.backend.results
        monkeypatch.setattr(
            executor._stores.backend, "results", lambda ids: reads.append(ids) or read(ids)
        )
        wait = asyncio.create_task(executor.wait_for_result(task_id))
        await asyncio.wait([wait], timeout=0.1)
        assert reads == [[task_id]]
        opened = time.monotonic()
        gate.opened.set()
        await wait
        assert time.monotonic() - opened < 0.05
        assert len(reads) == 2


async def test_waiting_for_other_processes_polls_for_all_waiters_at_once():
    async with IOExecutor(shared()) as executor:
        gate = Gate()
        executor.task()(gate.wait)
        ids = [await executor.submit(gate.wait) for _ in range(20)]
        await gate.filled(20)
        looks = []
        look = executor._stores.backend.settled_among
        executor._stores.backend.settled_among = lambda ids: looks.append(list(ids)) or look(ids)
        waits = [asyncio.create_task(executor.wait_for_result(task_id)) for task_id in ids]
        await asyncio.wait(waits, timeout=0.5)
        assert executor._stores.backend.reads == 20
        assert 2 <= len(looks) <= 30
        assert set(looks[-1]) == set(ids)
        gate.opened.set()
        await asyncio.gather(*waits)


async def test_an_error_of_the_store_comes_out_as_itself():
    async with IOExecutor(shared()) as executor:
        for error in (TimeoutError("a socket's"), KeyError("x")):
            executor._stores.backend.errors.append(error)
            with pytest.raises(type(error)) as caught:
                await executor.wait_for_result("nobody", timeout=5)
            assert caught.value.args == error.args
            assert not isinstance(caught.value, TaskTimeoutError)


async def test_a_finished_job_is_there_even_with_no_time_to_wait():
    async with IOExecutor() as executor:
        executor.task()(echo)
        task_id = await executor.submit(echo, 1)
        with pytest.raises(TaskTimeoutError):
            await executor.wait_for_result(task_id, timeout=0)
        await ended(executor, task_id)
        assert (await executor.wait_for_result(task_id, timeout=0)).result == 1


async def test_one_who_gives_up_takes_no_other_waiter_along():
    async with IOExecutor() as executor:
        gate = Gate()
        executor.task()(gate.wait)
        task_id = await executor.submit(gate.wait)
        waits = [asyncio.create_task(executor.wait_for_result(task_id)) for _ in range(3)]
        with pytest.raises(TaskTimeoutError):
            await executor.wait_for_result(task_id, timeout=0.01)
        waits[1].cancel()
        await asyncio.wait(waits, timeout=0.01)
        gate.opened.set()
        results = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(r).__name__ for r in results] == ["TaskResult", "CancelledError", "TaskResult"]


async def test_who_waits_for_a_job_that_is_cancelled_learns_of_it():
    async with IOExecutor(config_of(io_workers=1)) as executor:
        gate = Gate()
        executor.task(max_retries=3, retry_delay=0)(gate.wait)
        running, waiting = await executor.submit(gate.wait), await executor.submit(gate.wait)
        await gate.filled()
        waits = [asyncio.create_task(executor.wait_for_result(i)) for i in (running, waiting)]
        await asyncio.wait(waits, timeout=0.01)
        assert executor._stores.cancel([running, waiting]) == {running, waiting}
        assert (await asyncio.wait_for(waits[1], 5)).status is TaskStatus.CANCELLED
        stopped = await asyncio.wait_for(waits[0], 5)
    assert (stopped.status, stopped.was_stopped, stopped.attempts) == ("cancelled", True, 1)


# Stopping


async def test_a_job_may_submit_others_while_the_stop_waits_for_it():
    executor = IOExecutor()
    gate = Gate()

    @executor.task(max_retries=0)
    async def parent():
        await gate.wait()
        return await executor.submit(echo, "child")

    executor.task()(echo)
    await executor.start()
    parent_id = await executor.submit(parent)
    await gate.filled()
    stop = asyncio.create_task(executor.stop())
    await asyncio.wait([stop], timeout=0.02)
    with pytest.raises(ExecutorNotRunningError):
        await executor.submit(echo, "from outside")
    assert not executor.is_running
    gate.opened.set()
    await stop
    child_id = (await executor.get_result(parent_id)).result
    assert (await executor.get_result(child_id)).result == "child"


async def test_stop_lets_every_retry_come_first():
    calls = Counter()
    async with IOExecutor(config_of(io_workers=3)) as executor:

        @executor.task(max_retries=4, retry_delay=0.02)
        async def flaky(number):
            calls[number] += 1
            if calls[number] <= number:
                raise ValueError(number)
            return number

        ids = [await executor.submit(flaky, number) for number in range(6)]
    statuses = [await status_of(executor, task_id) for task_id in ids]
    assert statuses == [TaskStatus.SUCCESS] * 5 + [TaskStatus.FAILED]
    assert calls == {0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 5}


async def test_a_stop_says_that_not_all_has_ended_in_time(caplog):
    executor = IOExecutor()
    gate = Gate()
    executor.task()(gate.wait)
    await executor.start()
    await executor.submit(gate.wait)
    await gate.filled()
    await executor.stop(timeout=0.01)
    assert "Not all jobs ended within 0.01 s; the rest is stopped." in caplog.messages


class Stubborn:
    """A coroutine that swallows every cancelling until it is let go, when called the first time."""

    def __init__(self):
        self.calls = 0
        self.begun, self.is_let_go = asyncio.Event(), False

    async def run(self):
        self.calls += 1
        while self.calls == 1 and not self.is_let_go:
            self.begun.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    async def let_go(self):
        self.is_let_go = True
        await eventually(lambda: len(asyncio.all_tasks()) == 1)


@pytest.fixture
async def stubborn(monkeypatch):
    monkeypatch.setattr(engine_consumer, "CANCEL_SECONDS", 0.1)
    made = Stubborn()
    yield made
    made.is_let_go = True


async def test_a_job_that_will_not_be_stopped_is_given_up_and_said(stubborn, caplog):
    executor = IOExecutor()
    executor.task()(stubborn.run)
    await executor.start()
    task_id = await executor.submit(stubborn.run)
    await stubborn.begun.wait()
    await executor.stop(wait=False)
    assert "1 jobs did not stop; they are left for rescue." in caplog.messages
    assert await status_of(executor, task_id) is TaskStatus.CANCELLED
    await stubborn.let_go()
    assert await status_of(executor, task_id) is TaskStatus.CANCELLED


async def test_what_would_not_stop_on_a_shared_store_is_run_by_others(stubborn):
    config, registry = config_of(named()), TaskRegistry()
    one, two = IOExecutor(config, registry), IOExecutor(config, registry)
    one.task()(stubborn.run)
    await one.start()
    task_id = await one.submit(stubborn.run)
    await stubborn.begun.wait()
    await one.stop(wait=False)
    async with two:
        result = await ended(two, task_id)
    await stubborn.let_go()
    assert (result.status, result.attempts, result.crashes) == (TaskStatus.SUCCESS, 2, 1)


async def test_a_stop_that_is_cancelled_while_it_stops_what_runs_goes_on_to_its_end(stubborn):
    executor = IOExecutor(shared())
    executor.task()(stubborn.run)
    await executor.start()
    task_id = await executor.submit(stubborn.run)
    await stubborn.begun.wait()
    stop = asyncio.create_task(executor.stop(wait=False))
    for _ in range(3):
        await asyncio.sleep(0.01)
        assert not stop.done()
        stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    assert executor._stores.backend.beats() == []
    assert executor._stores.backend.results([task_id])[task_id].status is TaskStatus.RETRYING
    assert not {t.name for t in threading.enumerate() if t.name.startswith("flowrra")}
    await stubborn.let_go()


async def test_with_the_store_away_a_stop_leaves_no_thread_and_says_so(caplog):
    executor = IOExecutor(shared())
    await executor.start()
    assert {"flowrra-store", "flowrra-heartbeat"} <= {t.name for t in threading.enumerate()}
    executor._stores.backend.errors.append(ConnectionError("away"))
    await executor.stop()
    assert "Could not sign off from the store: away" in caplog.messages
    assert not {t.name for t in threading.enumerate() if t.name.startswith("flowrra")}
    assert not executor.is_running


async def test_a_shared_store_has_a_heartbeat_and_a_worker_while_the_executor_runs():
    executor = IOExecutor(shared(heartbeat_interval=0.01))
    await executor.start()
    (first,) = executor._stores.backend.beats()
    await eventually(lambda: executor._stores.backend.beats()[0].at > first.at)
    await executor.stop()
    assert executor._stores.backend.beats() == []


@pytest.mark.parametrize("steps", range(8))
@pytest.mark.parametrize("make_config", [lambda **o: config_of(named(), **o), shared])
async def test_a_stop_at_the_very_moment_of_launch_loses_no_job(make_config, steps):
    executor = IOExecutor(make_config(io_workers=2))
    executor.task()(echo)
    await executor.start()
    ids = [await executor.submit(echo, number) for number in range(4)]
    for _ in range(steps):
        await asyncio.sleep(0)
    await executor.stop(wait=False)
    for task_id in ids:
        assert await status_of(executor, task_id) in {TaskStatus.PENDING, TaskStatus.SUCCESS}
    assert not executor._stores.backend.strays()
    async with executor:
        results = [await ended(executor, task_id) for task_id in ids]
    assert [(r.result, r.attempts) for r in results] == [(n, 1) for n in range(4)]


async def test_a_job_that_may_run_only_once_is_failed_when_stopped_and_given_back_if_not_begun():
    executor = IOExecutor(config_of(named(), io_workers=1))
    gate = Gate()
    executor.registry.task(max_retries=0, max_crashes=0)(gate.wait)
    await executor.start()
    begun, waiting = await executor.submit(gate.wait), await executor.submit(gate.wait)
    await gate.filled()
    await executor.stop(wait=False)
    result = await executor.get_result(begun)
    assert (result.status, result.attempts) == (TaskStatus.FAILED, 1)
    assert "It may run at most once, so it is not run again." in result.error
    assert await status_of(executor, waiting) is TaskStatus.PENDING
    gate.opened.set()
    async with executor:
        assert (await ended(executor, waiting)).is_success
    assert gate.waiting == 2


async def test_an_executor_can_be_used_on_one_event_loop_after_the_other():
    def run(number):
        async def main():
            async with executor:
                await asyncio.gather(executor.start(), executor.start())
                result = await ended(executor, await executor.submit(echo, number))
                await asyncio.gather(executor.stop(), executor.stop())
                return result.result

        return asyncio.run(main())

    executor = IOExecutor()
    executor.task()(echo)
    assert [await asyncio.to_thread(run, number) for number in (1, 2)] == [1, 2]


# Tasks that come, go and change


async def test_a_job_whose_task_is_gone_is_given_back_and_fails_after_a_while(monkeypatch, caplog):
    monkeypatch.setattr(retry, "UNKNOWN_TASK_DELAY", 0.01)
    monkeypatch.setattr(retry, "UNKNOWN_TASK_LIMIT", 3)
    async with IOExecutor(config_of(io_workers=1)) as executor:
        executor.task()(echo)
        gate = Gate()
        executor.task()(gate.wait)
        await executor.submit(gate.wait)
        task_id = await executor.submit(echo, "kept")
        executor.registry.unregister("echo")
        gate.opened.set()
        result = await ended(executor, task_id)
    assert (result.status, result.args) == (TaskStatus.FAILED, ("kept",))
    assert result.error_type == "flowrra_django.exceptions.TaskNotFoundError"
    assert "No task named 'echo' is registered." in result.error
    assert caplog.messages.count(f"No task named 'echo' here; job {task_id} waits.") == 4
    assert result.attempts == 1


async def test_a_job_whose_task_is_gone_waits_as_long_when_it_is_retried(monkeypatch, caplog):
    monkeypatch.setattr(retry, "UNKNOWN_TASK_DELAY", 0.01)
    monkeypatch.setattr(retry, "UNKNOWN_TASK_LIMIT", 3)
    async with IOExecutor(config_of(named())) as executor:
        task = Task(name="echo", func=echo, kind=Kind.IO)
        (task_id,) = Dispatcher(executor._stores).enqueue([Call(task=task, args=(1,))])
        for _ in range(2):
            assert (await ended(executor, task_id)).status is TaskStatus.FAILED
            executor._stores.retry([task_id])
        await ended(executor, task_id)
    assert caplog.messages.count(f"No task named 'echo' here; job {task_id} waits.") == 12


async def test_a_job_whose_task_comes_later_runs_then(monkeypatch):
    monkeypatch.setattr(retry, "UNKNOWN_TASK_DELAY", 0.05)
    config = config_of(named())
    async with IOExecutor(config) as executor:
        dispatcher = Dispatcher(executor._stores)
        task = Task(name="echo", func=echo, kind=Kind.IO)
        (task_id,) = dispatcher.enqueue([Call(task=task, args=(1,))])
        await eventually(lambda: executor.consumer.settled)
        assert await status_of(executor, task_id) is TaskStatus.PENDING
        executor.task()(echo)
        result = await ended(executor, task_id)
    assert (result.result, result.attempts, result.retries) == (1, 1, 0)


async def test_a_job_whose_task_changed_its_kind_is_run_by_the_executor_of_that_kind():
    config, registry = config_of(named()), TaskRegistry()
    io, thread = IOExecutor(config, registry), ThreadExecutor(config, registry)
    dispatcher = Dispatcher(io._stores)
    old = Task(name="echo", func=echo, kind=Kind.IO)
    (task_id,) = dispatcher.enqueue([Call(task=old, args=(1,))])
    thread.task("echo")(lambda value: ("in a thread", value))
    async with io:
        await eventually(lambda: io.consumer.settled)
        assert await status_of(io, task_id) is TaskStatus.PENDING
        async with thread:
            result = await ended(thread, task_id)
    assert (result.result, result.attempts) == (("in a thread", 1), 1)


async def test_nothing_waits_for_ever_on_a_private_store_whatever_kind_it_has_become():
    registry = TaskRegistry()
    executor = IOExecutor(registry=registry)
    dispatcher = Dispatcher(executor._stores)
    old = Task(name="echo", func=echo, kind=Kind.IO)
    (task_id,) = dispatcher.enqueue([Call(task=old, args=(1,))])
    registry.task("echo")(lambda value: value)
    async with executor:
        await eventually(lambda: executor.consumer.settled)
    assert await status_of(executor, task_id) is TaskStatus.CANCELLED


# Many


async def test_of_five_thousand_jobs_each_ends_exactly_once(monkeypatch):
    monkeypatch.setattr(logging.getLogger("flowrra_django.jobs"), "disabled", True)
    random = Random(7)
    ends, runs = Counter(), Counter()
    executor = IOExecutor(config_of(io_workers=200))
    settle = executor._stores.backend.settle

    def counted(worker_id, settlements):
        settled = settle(worker_id, settlements)
        ends.update(
            s.job.task_id
            for s in settlements
            if s.status.is_final and s.job.task_id in settled.accepted
        )
        return settled

    executor._stores.backend.settle = counted
    pauses = [random.choice([0, 0, 0.0005, 0.002]) for _ in range(5000)]
    fates = [random.randrange(4) for _ in range(5000)]

    @executor.task(max_retries=2, retry_delay=0.001)
    async def job(number):
        runs[number] += 1
        if pauses[number]:
            await asyncio.sleep(pauses[number])
        if runs[number] <= fates[number]:
            raise ValueError(number)
        return number

    async with executor:
        ids = [await executor.submit(job, number) for number in range(5000)]
    assert ends == dict.fromkeys(ids, 1)
    assert all(runs[number] == min(3, fate + 1) for number, fate in enumerate(fates))
    for number, task_id in enumerate(ids):
        wanted = TaskStatus.FAILED if fates[number] == 3 else TaskStatus.SUCCESS
        assert await status_of(executor, task_id) is wanted


async def test_ten_thousand_jobs_run_in_the_order_of_their_priorities(monkeypatch):
    monkeypatch.setattr(logging.getLogger("flowrra_django.jobs"), "disabled", True)
    ran = []
    gate = Gate()
    random = Random(11)
    async with IOExecutor(config_of(io_workers=1)) as executor:
        executor.task()(gate.wait)

        @executor.task()
        async def note(priority, number):
            ran.append((priority, number))

        await executor.submit(gate.wait)
        await gate.filled()
        for number in range(10_000):
            priority = random.randrange(-5, 5)
            await executor.submit(note, priority, number, priority=priority)
        gate.opened.set()
    assert len(ran) == 10_000
    assert ran == sorted(ran)


async def test_an_executor_that_is_dropped_leaves_no_garbage_that_holds_jobs():
    marks = []

    class Big:
        def __del__(self):
            marks.append(1)

    executor = IOExecutor()
    executor.task()(echo)
    async with executor:
        await ended(executor, await executor.submit(echo, Big()))
    del executor
    gc.collect()
    assert marks == [1]
