"""When a broker is asked for news, and when a listener is relied upon."""

import pytest

from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.base import ANY_KIND
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.bell import BLIND_LIMIT, TRUTH_SECONDS, Bell
from flowrra_django.job import Kind


class Ear:
    """A listener that hears when a test says so."""

    def __init__(self, heard):
        self._heard = heard
        self.lives = True

    def hear(self, kinds=ANY_KIND):
        self._heard(kinds)

    def is_alive(self):
        return self.lives

    def close(self):
        self.lives = False


class Broker(MemoryBroker):
    poll_seconds = 0.01
    news = 0

    def changed(self):
        self.news, news = 0, self.news
        return bool(news)


class ListeningBroker(Broker):
    hears_early = True
    ear = None

    def listen(self, heard):
        self.ear = Ear(heard)
        return self.ear


@pytest.fixture
def broker():
    """One that listens, and somebody who subscribes to it."""
    broker = ListeningBroker(InMemoryBackend())
    broker.subscribe(lambda: None)
    return broker


@pytest.fixture
def bell(broker):
    bell = Bell(broker)
    for _ in range(30):
        bell.poll()
    return bell


def test_the_bell_asks_only_while_somebody_listens():
    broker = Broker(InMemoryBackend())
    bell, rung = Bell(broker), []
    assert bell.seconds_until_poll() is None
    end = broker.subscribe(lambda: rung.append(1))
    assert bell.seconds_until_poll() <= 0
    bell.poll()
    assert rung == []
    assert 0 < bell.seconds_until_poll() <= 0.01
    broker.news = 2
    bell.poll()
    assert rung == [1]
    end()
    assert bell.seconds_until_poll() is None


def test_a_broker_that_rings_by_itself_is_not_asked():
    broker = MemoryBroker(InMemoryBackend())
    broker.subscribe(lambda: None)
    assert Bell(broker).seconds_until_poll() is None


# With a listener


def test_where_somebody_listens_and_nothing_is_heard_the_bell_asks_once_a_second(bell):
    assert bell.seconds_until_poll() == pytest.approx(TRUTH_SECONDS, abs=0.1)


def test_what_is_heard_wakes_the_thread_that_asks_and_makes_it_ask_at_once(bell, broker):
    nudges = []
    bell.hang(lambda: nudges.append(bell.seconds_until_poll()))
    broker.ear.hear()
    assert nudges == [pytest.approx(0.001, abs=0.001)]


def test_what_is_committed_when_it_is_heard_of_rings_at_once_and_for_its_kinds(bell, broker):
    broker.hears_early = False
    rung = []
    for kind in Kind:
        broker.subscribe(lambda kind=kind: rung.append(kind), kind)
    before = bell.seconds_until_poll()
    broker.ear.hear({Kind.CPU})
    assert rung == [Kind.CPU]
    broker.ear.hear()
    assert rung == [Kind.CPU, *Kind]
    assert bell.seconds_until_poll() == pytest.approx(before, abs=0.1)


def test_after_a_sound_the_bell_asks_again_after_twice_as_long_each_time(bell, broker):
    broker.ear.hear()
    waits = []
    for _ in range(5):
        bell.poll()
        waits.append(bell.seconds_until_poll())
    assert waits == [pytest.approx(0.002 * 2**i, abs=0.002) for i in range(5)]


def test_a_listener_that_misses_changes_again_and_again_is_not_relied_upon(bell, broker, caplog):
    caplog.set_level("INFO")
    for _ in range(BLIND_LIMIT):
        broker.news = 1
        bell.poll()
    assert not broker.ear.lives
    assert caplog.messages == ["Writes of other processes are not heard of here; polling instead."]
    bell.poll()
    assert bell.seconds_until_poll() <= broker.poll_seconds


def test_a_listener_that_misses_a_change_now_and_then_is(bell, broker):
    for turn in range(BLIND_LIMIT * 3):
        if turn % BLIND_LIMIT == 0:
            broker.ear.hear()
        broker.news = 1
        bell.poll()
    assert broker.ear.lives


def test_a_listener_that_has_ended_is_replaced_at_the_next_look(bell, broker):
    ended = broker.ear
    ended.close()
    bell.poll()
    assert broker.ear is not ended
    assert broker.ear.lives


def test_a_bell_that_is_closed_listens_no_longer(bell, broker):
    bell.close()
    assert not broker.ear.lives
    bell.close()
