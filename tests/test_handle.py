"""What one can do with a job that was enqueued."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction

from flowrra_django import FlowrraError, JobHandle, JobNotFoundError, TaskStatus, TaskTimeoutError
from flowrra_django.models import TaskRecord
from flowrra_django.testing import run_jobs
from tests.testapp import tasks

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_get_is_a_fresh_look():
    handle = tasks.add.enqueue(1, 2)
    before = handle.get()
    assert handle.cancel() is True
    assert (before.status, handle.get().status) == (TaskStatus.PENDING, TaskStatus.CANCELLED)


async def test_async_code_looks_cancels_and_waits_as_well():
    handle = await tasks.add.aenqueue(1, 2)
    assert (await handle.aget()).status is TaskStatus.PENDING
    assert await handle.acancel() is True
    assert (await handle.await_(timeout=5)).status is TaskStatus.CANCELLED
    assert await handle.acancel() is False


async def test_a_job_that_waits_for_its_time_can_be_run_now():
    later = tasks.add.using(run_after=timedelta(hours=1))
    first, second = await later.aenqueue(1, 2), await later.aenqueue(1, 3)
    assert await sync_to_async(first.run_now)() is True
    assert await second.arun_now() is True
    await sync_to_async(run_jobs)()
    assert [(await job.aget()).result for job in (first, second)] == [3, 4]
    assert await second.arun_now() is False


def test_waiting_returns_the_result_of_a_worker(start_worker):
    start_worker()
    assert tasks.add.enqueue(20, 22).wait(timeout=20).result == 42


async def test_many_wait_at_once_for_what_a_worker_does(start_worker):
    start_worker()
    handles = await tasks.double.aenqueue_many([(i,) for i in range(20)])
    results = await asyncio.gather(*(handle.await_(timeout=20) for handle in handles))
    assert [result.result for result in results] == [2 * i for i in range(20)]


def test_waiting_wakes_when_the_job_is_cancelled():
    handle = tasks.add.enqueue(1, 2)
    threading.Timer(0.1, cancel, [handle]).start()
    assert handle.wait(timeout=10).status is TaskStatus.CANCELLED


@pytest.mark.parametrize("timeout", [0, 0.2])
def test_waiting_gives_up_after_its_time_and_the_job_goes_on(timeout):
    handle = tasks.add.enqueue(1, 2)
    began = time.monotonic()
    with pytest.raises(TaskTimeoutError, match="It goes on") as caught:
        handle.wait(timeout=timeout)
    assert timeout <= time.monotonic() - began < timeout + 2
    assert isinstance(caught.value, TimeoutError)
    assert handle.get().status is TaskStatus.PENDING


async def test_async_waiting_gives_up_after_its_time():
    handle = await tasks.add.aenqueue(1, 2)
    with pytest.raises(TaskTimeoutError):
        await handle.await_(timeout=0.1)


@pytest.mark.parametrize("task_id", ["0" * 32, "no id at all", ""])
def test_an_unknown_id_raises(task_id):
    handle = JobHandle(task_id)
    with pytest.raises(JobNotFoundError, match="was deleted, or is in another ledger"):
        handle.get()
    with pytest.raises(JobNotFoundError):
        handle.wait(timeout=5)
    assert handle.cancel() is False


def test_waiting_for_a_job_that_is_deleted_meanwhile_raises():
    handle = tasks.add.enqueue(1, 2)
    threading.Timer(0.1, delete_everything).start()
    with pytest.raises(JobNotFoundError):
        handle.wait(timeout=10)


def cancel(handle: JobHandle) -> None:
    handle.cancel()
    connection.close()


def delete_everything() -> None:
    TaskRecord.objects.all().delete()
    connection.close()


def test_waiting_inside_a_transaction_raises_at_once():
    handle = tasks.add.enqueue(1, 2)
    with transaction.atomic(), pytest.raises(FlowrraError, match="Wait after the atomic block"):
        handle.wait(timeout=60)
