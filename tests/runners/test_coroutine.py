"""What becomes of cancelling: the job's own is a failure, and the caller's comes out."""

import asyncio

import pytest

from flowrra_django.job import Failed, Job, Kind, Succeeded
from flowrra_django.registry import Task
from flowrra_django.runners.coroutine import CoroutineRunner
from flowrra_django.serialization import ObjectCodec


async def run(func):
    job = Job(task_id="x", task_name="task", kind=Kind.IO, args=(), kwargs={})
    task = Task(name="task", func=func, kind=Kind.IO)
    return await CoroutineRunner(ObjectCodec()).run(job, task)


async def test_a_coroutine_that_raises_cancelled_error_has_failed():
    async def raise_cancelled():
        raise asyncio.CancelledError("mine")

    outcome = await run(raise_cancelled)
    assert isinstance(outcome, Failed)
    assert outcome.error.message == "mine"


async def test_a_coroutine_whose_own_task_was_cancelled_has_failed():
    async def await_cancelled():
        inner = asyncio.create_task(asyncio.sleep(60))
        inner.cancel()
        await inner

    outcome = await run(await_cancelled)
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "asyncio.exceptions.CancelledError"


async def test_to_be_cancelled_from_outside_comes_out_once_the_coroutine_has_ended():
    begun, ended = asyncio.Event(), []

    async def tidy():
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    running = asyncio.create_task(run(tidy))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == [True]


async def test_a_coroutine_that_survives_the_cancelling_has_succeeded():
    begun = asyncio.Event()

    async def stubborn():
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "all the same"

    running = asyncio.create_task(run(stubborn))
    await begun.wait()
    running.cancel()
    assert await running == Succeeded("all the same")


async def test_a_coroutine_begins_once_its_arguments_are_there():
    seen = []

    class Codec(ObjectCodec):
        def decode(self, raw, **options):
            seen.append("decoded")
            return super().decode(raw, **options)

    async def task():
        seen.append("run")

    job = Job(task_id="x", task_name="task", kind=Kind.IO, args=(), kwargs={})
    runner = CoroutineRunner(Codec())
    await runner.run(job, Task(name="task", func=task, kind=Kind.IO), lambda: seen.append("begun"))
    assert seen == ["decoded", "decoded", "begun", "run"]
