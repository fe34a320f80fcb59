"""The heartbeat's thread."""

import threading
import time

import pytest

from flowrra_django.backends.answers import NO_VITALS, WorkerInfo
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine import heartbeat as module
from flowrra_django.engine.cancelling import Stopper
from flowrra_django.engine.heartbeat import Heartbeat
from flowrra_django.engine.presence import Presence
from flowrra_django.engine.stores import Stores
from tests.executors.stores import SharedBackend
from tests.support import until

INTERVAL = 0.01


class Ledger(SharedBackend):
    """Fails as told when it is beaten upon, and notes which thread let go of it."""

    def __init__(self):
        super().__init__()
        self.beaten = 0
        self.closed_by = []

    def beat(self, worker_id, vitals=NO_VITALS):
        self.beaten += 1
        self._trip()
        return super().beat(worker_id, vitals)

    def close(self):
        self.closed_by.append(threading.current_thread().name)


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def presence(ledger):
    made = Presence(ledger, WorkerInfo(worker_id="w"))
    made.enlist()
    return made


@pytest.fixture
def heartbeat(ledger, presence):
    made = Heartbeat(Stores(ledger, MemoryBroker(ledger)), presence, INTERVAL)
    made.start()
    yield made
    made.stop()


def test_it_says_how_much_memory_the_process_takes_up(ledger, presence, heartbeat):
    until(lambda: ledger.beats()[0].vitals.memory)
    assert 2**20 < ledger.beats()[0].vitals.memory < 2**36


def test_it_tells_once_that_the_worker_is_to_end(ledger, presence):
    told = []
    stores = Stores(ledger, MemoryBroker(ledger))
    stopper = Stopper(stores, presence, lambda: told.append(1))
    heartbeat = Heartbeat(stores, presence, INTERVAL, stopper)
    heartbeat.start()
    until(lambda: ledger.beaten >= 3)
    assert told == []
    ledger.drain("w")
    until(lambda: told)
    beaten = ledger.beaten
    until(lambda: ledger.beaten >= beaten + 3)
    heartbeat.stop()
    assert told == [1]


def test_a_worker_that_is_to_end_hears_of_it_long_before_it_beats(ledger, presence):
    told = threading.Event()
    stores = Stores(ledger, MemoryBroker(ledger))
    heartbeat = Heartbeat(stores, presence, 3600.0, Stopper(stores, presence, told.set))
    heartbeat.start()
    ledger.drain("w")
    assert told.wait(10)
    heartbeat.stop()
    assert ledger.beaten == 0


def test_it_beats_again_and_again_until_it_is_stopped(ledger, presence, heartbeat):
    (first,) = ledger.beats()
    until(lambda: ledger.beaten >= 3)
    assert ledger.beats()[0].at > first.at
    heartbeat.stop()
    beaten = ledger.beaten
    time.sleep(5 * INTERVAL)
    assert ledger.beaten == beaten
    assert ledger.closed_by == ["flowrra-heartbeat"]


def test_a_stop_does_not_wait_for_the_next_beat(ledger, presence):
    heartbeat = Heartbeat(Stores(ledger, MemoryBroker(ledger)), presence, 60.0)
    heartbeat.start()
    started = time.monotonic()
    heartbeat.stop()
    assert time.monotonic() - started < 1


def test_a_worker_that_was_given_up_comes_back_as_new(ledger, presence, heartbeat):
    ledger.dismiss("w")
    until(lambda: presence.worker_id != "w")
    assert [beat.worker.worker_id for beat in ledger.beats()] == [presence.worker_id]


def test_with_the_store_away_it_goes_on_trying_and_says_so_once(ledger, heartbeat, caplog):
    ledger.errors += [ConnectionError("away")] * 5
    until(lambda: not ledger.errors)
    beaten = ledger.beaten
    until(lambda: ledger.beaten > beaten)
    lines = [message for message in caplog.messages if "does not answer" in message]
    assert lines == ["The store does not answer (away). Trying again until it does."]


def test_another_error_is_logged_and_does_not_end_it(ledger, heartbeat, caplog):
    ledger.errors += [RuntimeError("a bug")] * 2
    until(lambda: not ledger.errors)
    beaten = ledger.beaten
    until(lambda: ledger.beaten > beaten)
    assert caplog.messages.count("The heartbeat failed; it is tried again.") == 2
    assert not any("does not answer" in message for message in caplog.messages)


def test_after_a_failure_it_does_not_wait_a_whole_long_interval(ledger, presence, monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    heartbeat = Heartbeat(Stores(ledger, MemoryBroker(ledger)), presence, 0.3)
    ledger.errors += [ConnectionError("away")] * 3
    heartbeat.start()
    started = time.monotonic()
    until(lambda: ledger.beaten == 4)
    heartbeat.stop()
    assert time.monotonic() - started < 0.3 + 0.25


def test_beats_that_fail_are_tried_again_sooner_than_others_come(ledger, presence):
    heartbeat = Heartbeat(Stores(ledger, MemoryBroker(ledger)), presence, 0.3)
    ledger.errors += [ConnectionError("away")] * 3
    heartbeat.start()
    started = time.monotonic()
    until(lambda: ledger.beaten == 4)
    heartbeat.stop()
    assert time.monotonic() - started < 3 * 0.3


def test_what_it_looks_for_beside_fails_no_beat(ledger, presence, monkeypatch):
    asked = []

    def fail(worker_id):
        asked.append(worker_id)
        raise ConnectionError("away")

    monkeypatch.setattr(ledger, "orders", fail)
    stores = Stores(ledger, MemoryBroker(ledger))
    heartbeat = Heartbeat(stores, presence, INTERVAL, Stopper(stores, presence, lambda: None))
    heartbeat.start()
    until(lambda: heartbeat.is_steady)
    heartbeat.stop()
    assert asked


def test_it_is_steady_after_a_few_beats_on_time_and_not_while_it_cannot_beat(ledger, request):
    ledger.errors += [ConnectionError("away")] * 1000
    heartbeat = request.getfixturevalue("heartbeat")
    assert not heartbeat.is_steady
    ledger.errors.clear()
    until(lambda: heartbeat.is_steady)
    ledger.errors += [ConnectionError("away")] * 1000
    until(lambda: not heartbeat.is_steady)
    ledger.errors.clear()
    until(lambda: heartbeat.is_steady)


def test_it_is_seen_alive_for_as_long_as_its_thread_lives(ledger, heartbeat):
    ledger.errors += [ConnectionError("away")] * 1000
    time.sleep(3 * INTERVAL)
    assert time.monotonic() - heartbeat.seen_alive() < INTERVAL
    heartbeat.stop()
    last = heartbeat.seen_alive()
    time.sleep(2 * INTERVAL)
    assert heartbeat.seen_alive() == last
