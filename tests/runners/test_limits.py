"""Runs that may take only so long, by each kind of code."""

import asyncio
import threading
import time

import pytest

from flowrra_django.exceptions import JobTimeoutError
from flowrra_django.job import Failed, Job, Kind, Succeeded
from flowrra_django.registry import Task, kind_of
from flowrra_django.runners.coroutine import CoroutineRunner
from flowrra_django.runners.limits import run_within
from flowrra_django.runners.thread import ThreadRunner
from flowrra_django.serialization import ObjectCodec
from tests.runners import process_tasks
from tests.runners.processes import running
from tests.support import until

SHORT = 0.05


async def run(runner, func, seconds, *args):
    job = Job(task_id="x", task_name="task", kind=Kind.IO, args=args, kwargs={})
    task = Task(name="task", func=func, kind=kind_of(func))
    return await run_within(seconds, runner, job, task)


@pytest.fixture
def coroutines():
    return CoroutineRunner(ObjectCodec())


@pytest.fixture
async def threads():
    runner = ThreadRunner(1, ObjectCodec())
    await runner.start()
    yield runner
    await runner.stop()


async def test_what_ends_in_time_has_its_outcome(coroutines):
    async def task():
        return 7

    assert await run(coroutines, task, 10) == Succeeded(7)
    assert await run(coroutines, task, None) == Succeeded(7)


async def test_a_timeout_that_the_code_itself_raises_is_its_own(coroutines):
    async def task():
        raise TimeoutError("mine")

    outcome = await run(coroutines, task, 10)
    assert (outcome.error.message, outcome.error.type) == ("mine", "builtins.TimeoutError")


async def test_a_coroutine_is_cancelled_and_may_clean_up(coroutines):
    steps = []

    async def task():
        try:
            await asyncio.sleep(60)
        finally:
            steps.append("cleaning")
            await asyncio.sleep(0)
            steps.append("clean")

    outcome = await run(coroutines, task, SHORT)
    assert isinstance(outcome.exception, JobTimeoutError)
    assert outcome.exception.is_stopped
    assert steps == ["cleaning", "clean"]


async def test_a_coroutine_that_goes_on_when_cancelled_took_too_long_all_the_same(coroutines):
    async def task():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return 7

    assert isinstance(await run(coroutines, task, SHORT), Failed)


async def test_to_be_cancelled_from_outside_is_no_timeout(coroutines):
    async def task():
        await asyncio.sleep(60)

    running = asyncio.create_task(run(coroutines, task, 60))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_thread_goes_on_and_the_next_job_gets_another(threads):
    gate, ended = threading.Event(), threading.Event()

    def hold():
        gate.wait(10)
        ended.set()

    def echo():
        return threading.current_thread().name

    outcome = await run(threads, hold, SHORT)
    assert not outcome.exception.is_stopped
    assert "cannot be stopped" in outcome.error.message
    started = time.monotonic()
    assert isinstance(await run(threads, echo, 10), Succeeded)
    assert time.monotonic() - started < 5
    assert not ended.is_set()
    gate.set()
    assert await asyncio.to_thread(ended.wait, 10)


async def test_threads_that_were_left_behind_are_counted_for_as_long_as_they_go_on(threads, caplog):
    gate = threading.Event()

    def hold():
        gate.wait(10)

    for _ in range(2):
        await run(threads, hold, SHORT)
    assert threads.abandoned == 2
    assert "Such threads of this worker now: 2." in caplog.text
    gate.set()
    await asyncio.to_thread(until, lambda: threads.abandoned == 0)


async def test_a_job_that_ended_just_as_it_was_given_up_is_not_counted(threads):
    def echo():
        return 1

    running = asyncio.create_task(run(threads, echo, None))
    await asyncio.sleep(0)
    time.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert threads.abandoned == 0


async def test_the_time_of_a_process_counts_from_when_its_child_is_ready():
    async with running(initializer=process_tasks.initialise_in_a_while) as processes:
        assert await run(processes.runner, process_tasks.echo, 0.5, 7) == Succeeded(7)
        outcome = await run(processes.runner, process_tasks.sleep, 0.5, 60)
    assert outcome.error.type.endswith("JobTimeoutError")
