"""Waiting that a stop can end, and what must not be left half done."""

import asyncio

import pytest

from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.stores import Stores
from flowrra_django.exceptions import ExecutorNotRunningError, JobNotFoundError, TaskTimeoutError
from flowrra_django.executors.waiting import Waits, to_the_end
from tests.contracts.acts import claim_new, record, success
from tests.executors.stores import SharedBackend


@pytest.fixture(params=[InMemoryBackend, SharedBackend])
async def stores(request):
    backend = request.param()
    made = Stores(backend, MemoryBroker(backend))
    yield made
    await asyncio.to_thread(made.close)


@pytest.fixture
def waits(stores):
    return Waits(stores)


async def begun(coroutine):
    task = asyncio.create_task(coroutine)
    await asyncio.wait([task], timeout=0.02)
    return task


async def test_who_waits_gets_the_job_when_it_is_final(stores, waits):
    job = claim_new(stores.backend, "w")
    wait = await begun(waits.result(job.task_id, None))
    assert not wait.done()
    stores.settle("w", [success(job, 3)])
    assert (await wait).result == 3


async def test_errors_come_out_as_they_are(stores, waits):
    with pytest.raises(JobNotFoundError):
        await waits.result("nobody", None)
    with pytest.raises(TaskTimeoutError):
        await waits.result(record(stores.backend), 0.01)


async def test_a_wake_ends_the_waiting_for_what_is_not_final(stores, waits):
    tasks = [await begun(waits.result(record(stores.backend), None)) for _ in range(3)]
    await waits.wake()
    for task in tasks:
        with pytest.raises(ExecutorNotRunningError):
            await task
    await waits.wake()


async def test_a_wake_gives_what_has_become_final_unseen(stores, waits):
    job = claim_new(stores.backend, "w")
    stores.backend.settled_among = lambda ids: set()
    wait = await begun(waits.result(job.task_id, None))
    stores.backend.settle("w", [success(job, 3)])
    await waits.wake()
    assert (await wait).result == 3


async def test_who_is_cancelled_is_cancelled_and_waits_no_more(stores, waits):
    wait = await begun(waits.result(record(stores.backend), None))
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait
    await asyncio.sleep(0.01)
    assert not waits._tasks
    assert not stores.waiters._waiting
    assert not [t for t in asyncio.all_tasks() if t.get_name() == "flowrra-wait"]


async def test_what_must_not_be_left_half_done_is_done_before_the_cancelling_comes_out():
    done = []

    async def work():
        for _ in range(5):
            await asyncio.sleep(0.005)
        done.append(1)

    task = asyncio.create_task(to_the_end(work()))
    for _ in range(3):
        await asyncio.sleep(0.002)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [1]


async def test_its_error_comes_out():
    async def fail():
        await asyncio.sleep(0)
        raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        await to_the_end(fail())
