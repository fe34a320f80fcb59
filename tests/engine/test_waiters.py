"""Who waits for which job, and how they are woken."""

import asyncio
import threading
import time
from itertools import pairwise

import pytest

from flowrra_django.engine import waiters as module
from flowrra_django.engine.waiters import Waiters, until_set, waker_of


class Ledger:
    """Knows what is settled, and counts how often it was asked about what."""

    def __init__(self, *settled):
        self.settled = set(settled)
        self.asked = []

    def listen(self, heard):
        return None

    def settled_among(self, task_ids):
        self.asked.append(sorted(task_ids))
        return self.settled & set(task_ids)


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def waiters(ledger):
    return Waiters(ledger)


def test_those_who_wait_for_a_job_are_woken_once(waiters):
    woken = []
    for name in "abc":
        waiters.add("one" if name != "c" else "two", lambda name=name: woken.append(name))
    waiters.wake(["one", "nobody waits for this"])
    waiters.wake(["one"])
    assert woken == ["a", "b"]
    waiters.wake(["two"])
    assert woken == ["a", "b", "c"]


def test_who_gave_up_is_not_woken(waiters):
    woken = []
    gone, stays = (lambda: woken.append("gone")), (lambda: woken.append("stays"))
    waiters.add("one", gone)
    waiters.add("one", stays)
    waiters.remove("one", gone)
    waiters.remove("one", gone)
    waiters.remove("nothing", gone)
    waiters.wake(["one"])
    assert woken == ["stays"]


def test_waking_may_add_another_waiter(waiters):
    woken = []

    def again():
        woken.append(1)
        waiters.add("one", again)

    waiters.add("one", again)
    waiters.wake(["one"])
    assert woken == [1]
    waiters.wake(["one"])
    assert woken == [1, 1]


def test_with_nobody_waiting_there_is_nothing_to_poll_for(waiters, ledger):
    assert waiters.seconds_until_poll() is None
    waiters.look()
    waiters.add("one", lambda: None)
    assert waiters.seconds_until_poll() is not None
    waiters.remove("one", lambda: None)
    assert waiters.seconds_until_poll() is not None
    waiters.wake(["one"])
    assert waiters.seconds_until_poll() is None
    assert ledger.asked == []


def test_one_poll_asks_for_all_and_wakes_those_whose_jobs_are_settled(waiters, ledger):
    woken = []
    for task_id in ("a", "b", "c"):
        waiters.add(task_id, lambda task_id=task_id: woken.append(task_id))
    ledger.settled = {"a", "c"}
    waiters.poll()
    assert ledger.asked == [["a", "b", "c"]]
    assert sorted(woken) == ["a", "c"]
    waiters.poll()
    assert ledger.asked[1] == ["b"]


def test_polls_become_rarer_and_a_new_waiter_makes_them_frequent_again(waiters):
    waiters.add("one", lambda: None)
    pauses = []
    for _ in range(20):
        waiters.poll()
        pauses.append(waiters.seconds_until_poll())
    assert pauses[0] < 0.02
    assert all(later > sooner - 0.005 for sooner, later in pairwise(pauses))
    assert pauses[-1] == pytest.approx(module.LONGEST_POLL, abs=0.02)
    waiters.add("two", lambda: None)
    assert waiters.seconds_until_poll() <= module.SHORTEST_POLL


def test_waiters_that_keep_coming_do_not_put_the_poll_off(waiters):
    waiters.add("first", lambda: None)
    waiters.poll()
    due = time.monotonic() + waiters.seconds_until_poll()
    while time.monotonic() < due:
        waiters.add("another", lambda: None)
        time.sleep(0.001)
    assert waiters.seconds_until_poll() <= 0


def test_threads_may_add_remove_and_wake_at_once(waiters):
    start, errors = threading.Barrier(6), []

    def work(number):
        start.wait(5)
        try:
            for turn in range(300):
                wake = lambda: None  # noqa: E731
                waiters.add(f"{turn % 3}", wake)
                if number % 2:
                    waiters.wake([f"{turn % 3}"])
                else:
                    waiters.remove(f"{turn % 3}", wake)
                waiters.poll()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    waiters.wake(["0", "1", "2"])
    assert waiters.seconds_until_poll() is None


async def test_a_waker_resolves_its_future_from_any_thread():
    loop = asyncio.get_running_loop()
    here, there = loop.create_future(), loop.create_future()
    waker_of(here)()
    assert here.done()
    await asyncio.to_thread(waker_of(there))
    assert await asyncio.wait_for(there, 5) is None
    waker_of(here)()


async def test_a_waker_of_a_future_that_was_given_up_does_nothing():
    future = asyncio.get_running_loop().create_future()
    wake = waker_of(future)
    future.cancel()
    wake()
    await asyncio.to_thread(wake)
    await asyncio.sleep(0)
    assert future.cancelled()


def test_a_waker_outlives_its_loop_quietly():
    async def make():
        return waker_of(asyncio.get_running_loop().create_future())

    wake = asyncio.run(make())
    thread = threading.Thread(target=wake)
    thread.start()
    thread.join()


async def test_until_set_ends_with_the_event_or_sets_it():
    event = asyncio.Event()
    started = time.monotonic()
    await until_set(event, 0.03)
    assert 0.025 < time.monotonic() - started < 1
    assert event.is_set()
    await until_set(event, None)
    event.clear()
    asyncio.get_running_loop().call_soon(event.set)
    await asyncio.wait_for(until_set(event, None), 1)


async def test_until_set_leaves_no_timer_behind_when_cancelled():
    event = asyncio.Event()
    wait = asyncio.create_task(until_set(event, 0.02))
    await asyncio.sleep(0)
    wait.cancel()
    await asyncio.wait([wait])
    await asyncio.sleep(0.04)
    assert not event.is_set()
