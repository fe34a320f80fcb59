"""The outbox: one batch as soon as the store is free, and one bad outcome fails alone."""

import asyncio
import threading

import pytest

from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.outbox import Outbox, Parcel
from flowrra_django.engine.stores import Stores
from flowrra_django.job import Failed, GivenBack, Succeeded
from flowrra_django.results import TaskStatus
from tests.contracts.acts import FAULT, claim_new, result_of, status_of, to_retry, written
from tests.contracts.executors import eventually
from tests.executors.stores import SharedBackend


class Post:
    """An outbox on a store thread, and what it told of each parcel."""

    def __init__(self):
        self.backend = SharedBackend()
        self.stores = Stores(self.backend, MemoryBroker(self.backend))
        self.told = {}
        self.outbox = Outbox(self.stores, self.tell)
        self.batches = []
        self.settle = self.stores.settle
        self.stores.settle = self.record

    def tell(self, parcel, is_accepted):
        self.told[parcel.item.job.task_id] = is_accepted

    def record(self, worker_id, items):
        self.batches.append((worker_id, len(items)))
        return self.settle(worker_id, items)

    def put(self, job, outcome, worker_id="w"):
        self.outbox.put(Parcel(worker_id, written(job, outcome, worker=worker_id), 0.1))
        return job.task_id


@pytest.fixture
async def post():
    made = Post()
    made.outbox.start()
    yield made
    await made.outbox.stop()
    await asyncio.to_thread(made.stores.close)


async def test_what_is_put_is_written_and_told(post):
    task_id = post.put(claim_new(post.backend, "w"), Succeeded(1))
    await eventually(lambda: post.told)
    assert post.told == {task_id: True}
    assert result_of(post.backend, task_id).result == 1
    assert len(post.outbox) == 0


async def test_what_is_put_while_the_store_is_busy_is_one_batch(post):
    busy = threading.Event()
    blocked = asyncio.create_task(post.stores.run(busy.wait, 5))
    ids = [post.put(claim_new(post.backend, "w"), Succeeded(0))]
    await eventually(lambda: len(post.outbox) == 0)
    ids += [post.put(claim_new(post.backend, "w"), Succeeded(n)) for n in range(1, 50)]
    assert len(post.outbox) == 49
    busy.set()
    await blocked
    await eventually(lambda: len(post.told) == 50)
    assert post.batches == [("w", 1), ("w", 49)]
    assert set(post.told) == set(ids)


async def test_outcomes_of_jobs_claimed_under_several_ids_are_written_under_each(post):
    for worker_id in ("before", "after", "before"):
        post.put(claim_new(post.backend, worker_id), Succeeded(None), worker_id)
    await eventually(lambda: len(post.told) == 3)
    assert sorted(post.batches) == [("after", 1), ("before", 2)]
    assert all(post.told.values())


async def test_what_is_given_back_is_written_too(post):
    task_id = post.put(claim_new(post.backend, "w"), GivenBack("no room"))
    await eventually(lambda: post.told == {task_id: True})
    assert status_of(post.backend, task_id) is TaskStatus.PENDING


async def test_what_the_ledger_does_not_accept_is_told_as_such(post):
    job = claim_new(post.backend, "w")
    post.stores.rescue("w", post.backend.beats()[0].at)
    task_id = post.put(job, Succeeded(1))
    await eventually(lambda: post.told)
    assert post.told == {task_id: False}


async def test_of_a_batch_that_the_store_refuses_the_bad_one_fails_alone(post, caplog):
    jobs = [claim_new(post.backend, "w") for _ in range(8)]
    bad = jobs[5].task_id
    settle = post.settle

    def picky(worker_id, items):
        if any(item.job.task_id == bad and item.result == "bad" for item in items):
            raise ValueError("it has a NUL: \0")
        return settle(worker_id, items)

    post.settle = picky
    for job in jobs:
        post.put(job, Succeeded("bad" if job.task_id == bad else "good"))
    await eventually(lambda: len(post.told) == 8)
    assert all(post.told.values())
    for job in jobs:
        result = result_of(post.backend, job.task_id)
        if job.task_id == bad:
            assert (result.status, result.result) == (TaskStatus.FAILED, None)
            assert result.error_type == "flowrra_django.exceptions.OutcomeRefusedError"
            assert "ValueError: 'it has a NUL: \\x00'" in result.error
        else:
            assert (result.status, result.result) == (TaskStatus.SUCCESS, "good")
    assert f"The ledger refused the outcome of job {bad}: it has a NUL: \0" in caplog.messages


async def test_what_the_store_refuses_whatever_it_is_is_told_and_does_not_end_the_outbox(
    post, caplog
):
    settle = post.settle

    def refuse(worker_id, items):
        raise ValueError("never")

    post.settle = refuse
    task_id = post.put(claim_new(post.backend, "w"), Failed(FAULT))
    await eventually(lambda: post.told == {task_id: False})
    assert f"The ledger refused even the failure of job {task_id}." in caplog.messages
    post.settle = settle
    good = post.put(claim_new(post.backend, "w"), Succeeded(1))
    await eventually(lambda: post.told.get(good))


async def test_a_release_that_the_store_refuses_is_told(post, caplog):
    def refuse(worker_id, items):
        raise ValueError("never")

    post.stores.release = refuse
    task_id = post.put(claim_new(post.backend, "w"), GivenBack("no room"))
    await eventually(lambda: post.told == {task_id: False})
    assert status_of(post.backend, task_id) is TaskStatus.RUNNING


async def test_with_the_store_away_nothing_is_lost_and_nothing_is_split(post):
    errors = [ConnectionError("away")] * 3
    settle = post.settle

    def away(worker_id, items):
        if errors:
            raise errors.pop()
        return settle(worker_id, items)

    post.settle = away
    for _ in range(4):
        post.put(claim_new(post.backend, "w"), Succeeded(1))
    await eventually(lambda: len(post.told) == 4)
    assert all(post.told.values())
    assert post.batches[:3] == [post.batches[0]] * 3


class Busy(Exception):
    """Somebody else has what is to be written."""


async def test_what_is_locked_is_written_later_and_nothing_waits_for_it(post, monkeypatch):
    good, bad = [claim_new(post.backend, "w") for _ in range(2)]
    locked = {bad.task_id}
    settle = post.backend.settle

    def refuse_locked(worker_id, items):
        if locked.intersection(item.job.task_id for item in items):
            raise Busy
        return settle(worker_id, items)

    monkeypatch.setattr(post.backend, "settle", refuse_locked)
    monkeypatch.setattr(post.backend, "is_busy", lambda error: isinstance(error, Busy))
    monkeypatch.setattr(
        post.backend, "locked", lambda jobs: locked.intersection(job.task_id for job in jobs)
    )
    post.outbox.put(Parcel("w", to_retry(bad), 0.1))
    post.put(good, Succeeded(1))
    await eventually(lambda: post.told)
    assert post.told == {good.task_id: True}
    await asyncio.wait_for(post.outbox.returned(), 1)
    assert len(post.outbox) == 1
    locked.clear()
    await eventually(lambda: post.told == {good.task_id: True, bad.task_id: True})
    assert status_of(post.backend, bad.task_id) is TaskStatus.RETRYING
    assert len(post.outbox) == 0


async def test_starting_again_goes_on_where_it_was_cancelled(post):
    await post.outbox.stop()
    task_id = post.put(claim_new(post.backend, "w"), Succeeded(1))
    await asyncio.sleep(0)
    assert not post.told
    post.outbox.start()
    post.outbox.start()
    await eventually(lambda: post.told == {task_id: True})


async def test_what_was_never_started_can_be_stopped(post):
    await Outbox(post.stores, post.tell).stop()
