"""The end of running jobs that are cancelled, in one consumer."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from asgiref.sync import sync_to_async

from flowrra_django.backends.answers import Unwanted
from flowrra_django.context import current_job
from flowrra_django.engine.events import Finished, Started
from flowrra_django.results import TaskStatus
from flowrra_django.runners.thread import ThreadRunner
from flowrra_django.serialization import ObjectCodec
from tests.contracts.executors import eventually
from tests.engine.rig import Rig


class Scene:
    """A rig, what it told of its jobs, and a job of it that has begun."""

    def __init__(self, **options):
        self.events = []
        self.began = threading.Event()
        self.rig = Rig(on_event=self.events.append, **options)

    async def begin(self, func, **options):
        self.task_id = self.rig.enqueue(self.rig.task(func, **options))
        await eventually(self.began.is_set)

    async def cancel(self, by="ada"):
        self.rig.stores.cancel([self.task_id], by=by)
        for unwanted in self.rig.backend.orders(self.rig.presence.worker_id).unwanted:
            self.rig.consumer.cancel(unwanted)

    async def end(self):
        return await self.rig.result(self.task_id)

    @property
    def ends(self):
        return [e.settlement.status for e in self.events if isinstance(e, Finished)]


@pytest.fixture
async def scene():
    made = Scene()
    async with made.rig:
        yield made


@pytest.fixture
async def threads():
    made = Scene(runner=ThreadRunner(2, ObjectCodec()))
    async with made.rig:
        yield made


async def test_a_coroutine_is_cancelled_and_may_clean_up(scene):
    steps = []

    async def task():
        scene.began.set()
        try:
            await asyncio.sleep(60)
        finally:
            steps.append(current_job().cancelled)
            await asyncio.sleep(0.01)
            steps.append("clean")

    await scene.begin(task)
    await scene.cancel()
    result = await scene.end()
    assert (result.status, result.was_stopped) == (TaskStatus.CANCELLED, True)
    assert steps == [True, "clean"]
    assert scene.ends == [TaskStatus.CANCELLED]
    told = scene.events[-1].as_result(ObjectCodec())
    assert (told.status, told.cancelled_by, told.was_stopped) == ("cancelled", "ada", True)
    assert told.error == result.error == "Cancelled by ada; its code was stopped."


async def test_one_that_swallows_it_runs_on_and_the_end_says_so(scene):
    gate = asyncio.Event()

    async def task():
        scene.began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await gate.wait()
        return 7

    await scene.begin(task)
    await scene.cancel()
    await asyncio.sleep(0.05)
    assert scene.rig.status(scene.task_id) is TaskStatus.RUNNING
    gate.set()
    result = await scene.end()
    assert (result.status, result.result) == (TaskStatus.CANCELLED, 7)
    assert result.was_stopped is False
    assert "went on to its end" in result.error


async def test_one_inside_sync_to_async_ends_after_that_which_can_ask(scene):
    asked = []

    def blocking():
        scene.began.set()
        while not current_job().cancelled:
            time.sleep(0.005)
        asked.append(current_job().id)

    async def task():
        await sync_to_async(blocking)()
        asked.append("never")

    await scene.begin(task)
    await scene.cancel()
    result = await scene.end()
    assert (result.status, result.was_stopped) == (TaskStatus.CANCELLED, True)
    await eventually(lambda: asked)
    assert asked == [scene.task_id]


async def test_one_that_raises_when_it_is_cancelled_is_cancelled_with_its_traceback(scene):
    async def task():
        scene.began.set()
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("in the way")

    await scene.begin(task, max_retries=3)
    await scene.cancel()
    result = await scene.end()
    assert (result.status, result.failures) == (TaskStatus.CANCELLED, 0)
    assert "ValueError: in the way" in result.traceback


async def test_one_that_is_cancelled_before_its_first_step_ends_too(scene):
    async def task():
        await asyncio.sleep(60)

    scene.task_id = scene.rig.enqueue(scene.rig.task(task))
    await eventually(lambda: scene.rig.consumer._runs)
    ((hold, _),) = scene.rig.consumer._runs.items()
    scene.rig.backend.cancel([scene.task_id])
    scene.rig.consumer._cancel(Unwanted(*hold, ""))
    result = await scene.end()
    assert (result.status, result.error) == (
        TaskStatus.CANCELLED,
        "Cancelled; its code was stopped.",
    )


async def test_another_claim_of_the_same_job_is_left_alone(scene):
    gate = asyncio.Event()

    async def task():
        scene.began.set()
        await gate.wait()

    await scene.begin(task)
    scene.rig.consumer.cancel(Unwanted(scene.task_id, 99, "ada"))
    await asyncio.sleep(0.05)
    gate.set()
    assert (await scene.end()).status is TaskStatus.SUCCESS


async def test_a_thread_that_fails_after_it_asked_was_stopped(threads):
    def task():
        threads.began.set()
        while not current_job().cancelled:
            time.sleep(0.005)
        raise ValueError("I give up")

    await threads.begin(task, max_retries=3)
    await threads.cancel()
    result = await threads.end()
    assert (result.status, result.was_stopped) == (TaskStatus.CANCELLED, True)
    assert "I give up" in result.traceback


async def test_a_thread_that_takes_too_long_after_a_cancel_is_left_behind(threads):
    gate = threading.Event()

    def task():
        threads.began.set()
        gate.wait(10)

    await threads.begin(task, timeout=0.2)
    await threads.cancel()
    result = await threads.end()
    gate.set()
    assert (result.status, result.was_stopped) == (TaskStatus.CANCELLED, False)
    assert "goes on" in result.error


async def test_a_job_that_the_ledger_cancels_instead_of_retrying_is_told_of_once(scene):
    gate = asyncio.Event()

    async def task():
        scene.began.set()
        await gate.wait()
        raise ValueError("no luck")

    await scene.begin(task, max_retries=3)
    scene.rig.stores.cancel([scene.task_id])  # and its worker does not hear of it in time
    gate.set()
    result = await scene.end()
    assert (result.status, result.failures, result.was_stopped) == ("cancelled", 1, None)
    await eventually(lambda: scene.ends)
    assert scene.ends == [TaskStatus.CANCELLED]


async def test_a_job_that_is_given_back_is_told_of_once_as_cancelled():
    scene = Scene()
    async with scene.rig:

        async def task():
            scene.began.set()
            await asyncio.sleep(60)

        await scene.begin(task)
        scene.rig.stores.cancel([scene.task_id])
    assert scene.rig.status(scene.task_id) is TaskStatus.CANCELLED
    assert scene.ends == [TaskStatus.CANCELLED]


async def test_a_job_that_is_cancelled_while_it_waits_is_not_told_of(scene):
    async def task(): ...

    scene.rig.consumer.serve([])
    task_id = scene.rig.enqueue(scene.rig.task(task))
    scene.rig.stores.cancel([task_id])
    assert (await scene.rig.result(task_id)).status is TaskStatus.CANCELLED
    assert not any(isinstance(event, Started | Finished) for event in scene.events)
