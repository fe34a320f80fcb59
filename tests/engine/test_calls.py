"""A ledger with many writers: claims and outcomes on threads of their own, and what holds then."""

import asyncio
import threading
import time

import pytest

from flowrra_django.results import TaskStatus
from tests.contracts.executors import eventually
from tests.engine.rig import Rig
from tests.engine.test_consumer import Gate, echo
from tests.executors.stores import SharedBackend


@pytest.fixture(autouse=True)
def _many_writers(monkeypatch):
    monkeypatch.setattr(SharedBackend, "has_many_writers", True)


class Barrier:
    """Holds up a method of the stores, on whichever thread it is called."""

    def __init__(self, stores, name):
        self.opened, self.reached = threading.Event(), threading.Event()
        self._act = getattr(stores, name)
        setattr(stores, name, self)

    def __call__(self, *args):
        self.reached.set()
        assert self.opened.wait(10)
        return self._act(*args)


async def test_jobs_are_claimed_while_outcomes_are_written():
    async with Rig(slots=1) as rig:
        settling = Barrier(rig.stores, "settle")
        first = rig.enqueue(rig.task(echo), "first")
        await asyncio.to_thread(settling.reached.wait, 10)
        gate = Gate()
        second = rig.enqueue(rig.task(gate.wait), "second")
        await gate.filled()
        assert rig.status(first) is TaskStatus.RUNNING
        settling.opened.set()
        gate.opened.set()
        assert [(await rig.result(job)).result for job in (first, second)] == ["first", "second"]


async def test_a_job_that_waits_again_comes_before_what_came_after_it():
    """Though its retry is not yet written when there is a free slot."""
    async with Rig(slots=1) as rig:
        calls = []

        async def first():
            calls.append("first")
            if len(calls) == 1:
                raise ValueError

        async def second():
            calls.append("second")

        writing = Barrier(rig.stores, "settle")
        rig.enqueue(rig.task(first, max_retries=1))
        await asyncio.to_thread(writing.reached.wait, 10)
        last = rig.enqueue(rig.task(second))  # which wakes the consumer
        await rig.stores.run(lambda: None)  # a claim that was made would be done by now
        writing.opened.set()
        await rig.result(last)
    assert calls == ["first", "first", "second"]


async def test_what_is_settled_while_it_is_doubted_has_not_got_lost(caplog):
    """The look has it as running, and by then its settling has been told."""
    async with Rig(slots=2) as rig:
        gate = Gate()
        job = rig.enqueue(rig.task(gate.wait), 1)
        await gate.filled()
        held, late = rig.backend.held, threading.Event()

        def slowly(*args):
            found = held(*args)
            gate_opened.set()
            assert late.wait(10)
            return found

        gate_opened = threading.Event()
        rig.backend.held = slowly
        rig.consumer.doubt()
        other = rig.enqueue(rig.task(echo), 2)
        await asyncio.to_thread(gate_opened.wait, 10)
        gate.opened.set()
        await eventually(lambda: rig.consumer.settled == 1)
        late.set()
        assert ((await rig.result(job)).result, (await rig.result(other)).result) == (1, 2)
    assert not [message for message in caplog.messages if "Gave back" in message]


async def test_an_answer_to_what_was_asked_before_an_outage_does_not_end_it(caplog):
    async with Rig() as rig:
        asked, answer = threading.Event(), threading.Event()

        def slow():
            asked.set()
            assert answer.wait(10)

        writing = asyncio.create_task(rig.stores.write(slow))
        await asyncio.to_thread(asked.wait, 10)
        rig.stores.may_pass(ConnectionError("away"))
        answer.set()
        await writing
        assert [m for m in caplog.messages if "answers again" in m] == []
        await rig.stores.write(lambda: None)
        assert len([m for m in caplog.messages if "answers again" in m]) == 1


@pytest.mark.parametrize(("way", "renewed"), [("insist", "writer"), ("write", "store")])
async def test_after_an_outage_the_other_thread_opens_its_connection_anew(way, renewed):
    """Its old one is broken as well: its next call would begin another outage."""
    async with Rig() as rig:
        await rig.stores.write(lambda: None)
        closed = []
        rig.backend.close = lambda: closed.append(threading.current_thread().name)
        rig.stores.may_pass(ConnectionError("away"))
        await getattr(rig.stores, way)(lambda: None)
        await eventually(lambda: closed == [f"flowrra-{renewed}"])


async def test_both_threads_have_to_be_seen_alive():
    async with Rig() as rig:
        for place in (rig.stores.place, rig.stores.writer):
            stuck, begun = threading.Event(), threading.Event()
            hanging = asyncio.create_task(place.run(lambda b=begun, s=stuck: (b.set(), s.wait(10))))
            await asyncio.to_thread(begun.wait, 10)
            since = time.monotonic()
            rig.stores.nudge()
            assert rig.stores.seen_alive() < since
            stuck.set()
            await hanging
            rig.stores.nudge()
            await eventually(lambda t=since: rig.stores.seen_alive() > t)


async def test_to_stop_is_to_end_both_threads():
    async with Rig() as rig:
        threads = [
            await rig.stores.run(threading.current_thread),
            await rig.stores.write(threading.current_thread),
        ]
        assert [thread.name for thread in threads] == ["flowrra-store", "flowrra-writer"]
        await asyncio.to_thread(rig.stores.stop)
        assert not any(thread.is_alive() for thread in threads)
