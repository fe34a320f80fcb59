"""Stores beyond what every pair promises: patience with an outage, who is woken, the end."""

import asyncio
import threading
import time

import pytest

from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine import outage as outage_module
from flowrra_django.engine.outage import Outage, delays
from flowrra_django.engine.stores import Stores
from flowrra_django.exceptions import JobNotFoundError, TaskTimeoutError
from tests.contracts.acts import IO, claim_new, enqueue, record, success
from tests.contracts.executors import eventually
from tests.executors.stores import SharedBackend


class BusyBackend(SharedBackend):
    def is_busy(self, error):
        return isinstance(error, BlockingIOError)


@pytest.fixture
def stores():
    backend = BusyBackend()
    made = Stores(backend, MemoryBroker(backend))
    yield made
    made.close()


def failing(*errors):
    left = list(errors)

    def call(value):
        if left:
            raise left.pop(0)
        return value

    return call


# What a transaction may still take back


@pytest.fixture
def commits():
    return []


@pytest.fixture
def joining(stores, commits, monkeypatch):
    """Stores whose ledger takes part in the caller's transaction, which ends with `commits`."""
    monkeypatch.setattr(BusyBackend, "joins_transactions", True)
    made = Stores(stores.backend, stores.broker, commits.append)
    yield made
    made.close()


def depth(stores):
    return stores.broker.depth([IO], 10)


@pytest.mark.parametrize("change", ["cancel", "delete"])
def test_what_waits_no_longer_is_forgotten_after_the_commit(joining, commits, change):
    task_id = enqueue(joining)
    assert getattr(joining, change)([task_id]) == {task_id}
    assert depth(joining) == 1
    for act in commits:
        act()
    assert depth(joining) == 0


def test_what_waits_again_is_told_after_the_commit(joining, commits):
    task_id = record(joining.backend)
    joining.backend.cancel([task_id])
    assert joining.retry([task_id]) == {task_id}
    assert depth(joining) == 0
    for act in commits:
        act()
    assert depth(joining) == 1


def test_a_ledger_that_joins_no_transaction_is_followed_at_once(stores, commits):
    apart = Stores(stores.backend, stores.broker, commits.append)
    apart.cancel([enqueue(apart)])
    assert (depth(apart), commits) == (0, [])


# Patience


async def test_to_insist_is_to_try_until_the_store_is_back(stores, caplog):
    func = failing(*[ConnectionError("away")] * 4)
    assert await stores.insist(func, 7) == 7
    words = caplog.messages
    assert words[0] == "The store does not answer (away). Trying again until it does."
    assert words[1].startswith("The store answers again, after 0.")
    assert len(words) == 2


async def test_a_store_that_is_busy_is_waited_for_in_silence(stores, caplog):
    assert await stores.insist(failing(BlockingIOError("locked")), 7) == 7
    assert caplog.messages == []


async def test_any_other_error_comes_out_at_once(stores):
    with pytest.raises(KeyError):
        await stores.insist(failing(KeyError("a bug")), 7)


async def test_who_insists_can_give_up(stores):
    trying = asyncio.create_task(stores.insist(failing(*[ConnectionError("away")] * 1000), 7))
    await asyncio.wait([trying], timeout=0.05)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying


async def test_a_poll_during_an_outage_logs_no_traceback(stores, caplog):
    def settled_among(ids):
        raise ConnectionError("away")

    task_id = record(stores.backend)
    settle_among, stores.backend.settled_among = stores.backend.settled_among, settled_among
    wait = asyncio.create_task(stores.wait(task_id, 5))
    await eventually(lambda: caplog.messages)
    await asyncio.wait([wait], timeout=0.05)
    assert caplog.messages == ["The store does not answer (away). Trying again until it does."]
    stores.backend.settled_among = settle_among
    stores.cancel([task_id])
    await wait


def test_the_pauses_between_tries_grow_to_a_limit_and_are_not_all_the_same():
    pauses = [pause for pause, _ in zip(delays(), range(20), strict=False)]
    assert 0.02 <= pauses[0] <= outage_module.FIRST_DELAY
    assert max(pauses) <= outage_module.LONGEST_DELAY
    assert min(pauses[10:]) >= outage_module.LONGEST_DELAY / 2
    assert len(set(pauses)) > 10


def test_an_outage_is_told_once_and_its_end_once(caplog):
    outage = Outage()
    outage.end(time.monotonic())
    for _ in range(3):
        outage.begin(ConnectionError("away"))
    outage.end(time.monotonic())
    outage.end(time.monotonic())
    outage.begin(ConnectionError("again"))
    assert [message.split("(")[0] for message in caplog.messages] == [
        "The store does not answer ",
        "The store answers again, after 0.0 s.",
        "The store does not answer ",
    ]


# Who is woken


def test_memory_is_worked_on_right_here():
    backend = InMemoryBackend()
    stores = Stores(backend, MemoryBroker(backend))
    assert asyncio.run(stores.run(threading.get_ident)) == threading.get_ident()
    stores.close()


async def test_what_the_store_raises_is_no_timeout_of_the_waiter(stores):
    stores.backend.errors.append(TimeoutError("of the socket"))
    with pytest.raises(TimeoutError) as caught:
        await stores.wait("x", 5)
    assert not isinstance(caught.value, TaskTimeoutError)


async def test_who_waits_for_a_job_that_is_deleted_is_told(stores):
    job = claim_new(stores.backend, "w")
    wait = asyncio.create_task(stores.wait(job.task_id, 5))
    await eventually(lambda: stores.waiters._waiting)
    stores.backend.settle("w", [success(job)])
    stores.backend.prune(-1.0, 10)
    with pytest.raises(JobNotFoundError):
        await wait


async def test_an_end_written_behind_the_waiters_back_is_found_by_polling(stores):
    job = claim_new(stores.backend, "w")
    wait = asyncio.create_task(stores.wait(job.task_id, 5))
    await eventually(lambda: stores.waiters._waiting)
    stores.backend.settle("w", [success(job, 3)])
    assert (await wait).result == 3


def test_who_blocks_is_woken_by_another_thread(stores):
    job = claim_new(stores.backend, "w")
    threading.Timer(0.02, stores.settle, ["w", [success(job, 3)]]).start()
    started = time.monotonic()
    assert stores.wait_blocking(job.task_id, 5).result == 3
    assert time.monotonic() - started < 1


async def test_closing_ends_the_thread_and_what_it_held_open(stores):
    closed = []
    stores.backend.close = lambda: closed.append(threading.current_thread().name)
    thread = await stores.run(threading.current_thread)
    stores.close()
    assert not thread.is_alive()
    assert closed == ["flowrra-store", threading.current_thread().name]
