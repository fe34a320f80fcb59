"""What is remembered of a look at a database that took long."""

import pytest

from flowrra_django.brokers.database import looks as module
from flowrra_django.brokers.database.looks import LONG_SECONDS, MOST_SECONDS, REST, Looks
from flowrra_django.job import Kind, Lane

LANES = [Lane("default", Kind.IO), Lane("mail", Kind.IO)]
FRONTS = {LANES[0]: (0, 7)}


class Time:
    """A clock that a test sets."""

    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    time = Time()
    monkeypatch.setattr(module, "time", time)
    return time


def looked_twice(seconds):
    looks = Looks()
    for _ in range(2):
        looks.note(LANES, FRONTS, seconds)
    return looks


def test_what_took_long_twice_is_remembered_for_four_times_as_long(time):
    looks = looked_twice(LONG_SECONDS)
    time.now += 0.99 * REST * LONG_SECONDS
    assert looks.fronts(LANES[::-1]) == FRONTS
    time.now += 0.02 * REST * LONG_SECONDS
    assert not looks.fronts(LANES)


def test_what_was_held_up_once_is_not_remembered(time):
    looks = Looks()
    looks.note(LANES, FRONTS, 5.0)
    assert not looks.fronts(LANES)
    looks.note(LANES, FRONTS, 0.001)
    looks.note(LANES, FRONTS, 5.0)
    assert not looks.fronts(LANES)


def test_nothing_is_remembered_for_long(time):
    looks = looked_twice(5.0)
    time.now += 0.99 * MOST_SECONDS
    assert looks.fronts(LANES)
    time.now += 0.02 * MOST_SECONDS
    assert not looks.fronts(LANES)


def test_a_short_look_is_not_remembered(time):
    assert not looked_twice(0.9 * LONG_SECONDS).fronts(LANES)


def test_other_lanes_have_to_be_looked_at(time):
    assert not looked_twice(1.0).fronts(LANES[:1])


def test_what_is_forgotten_has_to_be_looked_at(time):
    looks = looked_twice(1.0)
    looks.forget(LANES)
    assert not looks.fronts(LANES)


def test_lanes_that_are_asked_for_no_more_are_not_kept(time):
    looks = looked_twice(1.0)
    time.now += 60.0
    looks.note(LANES[:1], FRONTS, 1.0)
    assert len(looks._known) == 1
