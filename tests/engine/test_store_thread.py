"""Where stores are worked on."""

import asyncio
import os
import threading
import time

import pytest

from flowrra_django.engine.store_thread import Inline, StoreThread
from tests.contracts.executors import eventually
from tests.support import until


class Poller:
    def __init__(self, interval=0.005, error=None):
        self.interval = interval
        self.error = error
        self.looks = []
        self._next = time.monotonic()

    def seconds_until_poll(self):
        return None if self.interval is None else self._next - time.monotonic()

    def poll(self):
        self._next = time.monotonic() + self.interval
        self.looks.append(threading.get_ident())
        if self.error:
            raise self.error


@pytest.fixture
def closes():
    return []


@pytest.fixture
def place(closes):
    made = StoreThread([], lambda: closes.append(threading.get_ident()))
    yield made
    made.stop()


async def test_what_is_heard_after_a_stop_starts_no_thread(place):
    await place.run(threading.current_thread)
    place.rouse()
    place.stop()
    place.rouse()
    assert "flowrra-store" not in {thread.name for thread in threading.enumerate()}


async def test_inline_is_here_and_now():
    place = Inline()
    assert await place.run(threading.get_ident) == threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await place.run(lambda: 1 / 0)
    place.nudge()
    place.stop()
    assert time.monotonic() - place.seen_alive() < 1


async def test_all_calls_are_made_on_one_thread_in_their_order(place):
    seen = []

    def note(number, *, name):
        seen.append((number, name))
        return threading.get_ident()

    idents = await asyncio.gather(*(place.run(note, n, name="x") for n in range(100)))
    assert len(set(idents)) == 1
    assert threading.get_ident() not in idents
    assert seen == [(n, "x") for n in range(100)]


async def test_it_starts_with_the_first_call_and_again_after_a_stop(place, closes):
    before = threading.active_count()
    place.stop()
    assert (threading.active_count(), closes) == (before, [])
    first = await place.run(threading.current_thread)
    assert (first.name, first.daemon) == ("flowrra-store", True)
    place.stop()
    assert not first.is_alive()
    assert closes == [first.ident]
    second = await place.run(threading.current_thread)
    assert second is not first
    place.stop()
    place.stop()
    assert len(closes) == 2


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), KeyboardInterrupt()])
async def test_an_error_belongs_to_who_asked_and_the_thread_goes_on(place, error):
    def fail():
        raise error

    with pytest.raises(type(error)):
        await place.run(fail)
    assert await place.run(abs, -1) == 1


async def test_who_gives_up_before_the_call_prevents_it_and_later_ones_are_made(place):
    gate, calls = threading.Event(), []
    blocked = asyncio.create_task(place.run(gate.wait, 5))
    dropped = asyncio.create_task(place.run(calls.append, "dropped"))
    await asyncio.wait([blocked], timeout=0.02)
    blocked_too = asyncio.create_task(place.run(calls.append, "made"))
    await asyncio.sleep(0)
    dropped.cancel()
    await asyncio.wait([dropped])
    gate.set()
    await blocked_too
    assert calls == ["made"]


async def test_who_gives_up_during_the_call_leaves_the_thread_unharmed(place):
    gate = threading.Event()
    running = asyncio.create_task(place.run(gate.wait, 5))
    await asyncio.wait([running], timeout=0.02)
    running.cancel()
    await asyncio.wait([running])
    gate.set()
    assert await place.run(abs, -1) == 1


async def test_a_stop_makes_the_calls_that_were_asked_for(place):
    gate = threading.Event()
    blocked = asyncio.create_task(place.run(gate.wait, 5))
    last = asyncio.create_task(place.run(abs, -7))
    await asyncio.wait([last], timeout=0.02)
    stop = asyncio.create_task(asyncio.to_thread(place.stop))
    await asyncio.sleep(0)
    gate.set()
    assert await last == 7
    await asyncio.gather(blocked, stop)
    assert place._thread is None


def test_no_call_is_lost_when_another_thread_stops_meanwhile(place):
    """A call that comes just after the last one is made by a thread of its own."""
    over = threading.Event()
    answers = []

    def stop_again_and_again():
        while not over.is_set():
            place.stop()

    async def ask():
        answers.extend([await asyncio.wait_for(place.run(abs, -n), 5) for n in range(300)])

    stopper = threading.Thread(target=stop_again_and_again)
    stopper.start()
    try:
        asyncio.run(ask())
    finally:
        over.set()
        stopper.join()
    assert answers == list(range(300))


async def test_pollers_look_when_they_want_to(closes):
    poller, idle = Poller(), Poller(interval=None)
    place = StoreThread([poller, idle], lambda: None)
    place.nudge()
    await eventually(lambda: len(poller.looks) >= 3)
    thread = await place.run(threading.get_ident)
    place.stop()
    looks = len(poller.looks)
    assert set(poller.looks) == {thread}
    assert idle.looks == []
    await asyncio.sleep(0.02)
    assert len(poller.looks) == looks


async def test_pollers_look_even_when_the_thread_is_never_idle():
    poller = Poller(interval=0.002)
    place = StoreThread([poller], lambda: None)
    over = False

    def again():
        if not over:
            place._put(again)
            place._put(lambda: time.sleep(0.0005))

    await place.run(again)
    await eventually(lambda: len(poller.looks) >= 10)
    over = True
    place.stop()


async def test_a_nudge_has_the_pollers_asked_anew():
    poller = Poller(interval=None)
    place = StoreThread([poller], lambda: None)
    await place.run(abs, 1)
    await asyncio.sleep(0.02)  # it sleeps now
    poller.interval = 0.001
    await asyncio.sleep(0.02)
    assert not poller.looks
    place.nudge()
    await eventually(lambda: poller.looks)
    place.stop()


@pytest.mark.parametrize("is_expected", [True, False])
async def test_an_error_of_a_poller_is_logged_unless_it_is_expected(caplog, is_expected):
    poller = Poller(error=ConnectionError("away"))
    asked = []
    place = StoreThread([poller], lambda: None, lambda error: asked.append(error) or is_expected)
    place.nudge()
    await eventually(lambda: len(poller.looks) >= 3)
    place.stop()
    assert set(asked) == {poller.error}
    lines = caplog.messages.count("Polling the store failed; it is tried again.")
    assert lines == (0 if is_expected else len(poller.looks))


async def test_it_tells_when_it_was_last_seen_between_two_calls(place):
    gate = threading.Event()
    await place.run(abs, 1)
    blocked = asyncio.create_task(place.run(gate.wait, 5))
    await asyncio.wait([blocked], timeout=0.05)
    stalled = place.seen_alive()
    assert time.monotonic() - stalled >= 0.04
    gate.set()
    await blocked
    await eventually(lambda: place.seen_alive() > stalled)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_thread_of_its_own(place):
    asyncio.run(place.run(abs, 1))
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        answer = asyncio.run(place.run(os.getpid))
        os.write(writer, str(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        assert int(answers.read()) == pid
    until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)
