"""How many jobs are claimed before there is a slot for them, and for how long they are kept."""

import pytest

from flowrra_django.engine import prefetch as module
from flowrra_django.engine.prefetch import AHEAD_SECONDS, PATIENCE_SECONDS, Prefetch
from flowrra_django.engine.taking import hold_on
from flowrra_django.job import Job, Kind


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def job(name):
    return Job(task_id=name, task_name="", kind=Kind.IO, args="", kwargs="", claim=1)


def ended(prefetch, clock, count, seconds=1.0):
    for _ in range(count):
        prefetch.note_end()
    clock.now += seconds


def test_nothing_is_claimed_ahead_before_jobs_have_ended(clock):
    prefetch = Prefetch()
    clock.now += 1
    assert prefetch.room() == 0


def test_as_many_are_claimed_ahead_as_begin_soon_at_the_present_rate(clock):
    prefetch = Prefetch()
    ended(prefetch, clock, 4000)
    assert prefetch.room() == 4000 * AHEAD_SECONDS


def test_none_is_claimed_ahead_where_jobs_are_long(clock):
    prefetch = Prefetch()
    ended(prefetch, clock, 30)
    assert prefetch.room() == 0


def test_there_is_a_limit_to_how_many_are_claimed_ahead(clock):
    prefetch = Prefetch(5)
    ended(prefetch, clock, 1_000_000)
    assert prefetch.room() == 5


def test_the_rate_is_that_of_the_last_moment(clock):
    prefetch = Prefetch()
    ended(prefetch, clock, 4000)
    assert prefetch.room()
    ended(prefetch, clock, 0)
    assert prefetch.room() == 0


def test_more_are_claimed_once_half_of_them_are_gone(clock):
    prefetch = Prefetch(10)
    ended(prefetch, clock, 1_000_000)
    for number in range(10):
        prefetch.put(job(str(number)), "worker")
    rooms = []
    while prefetch.next():
        rooms.append(prefetch.room())
    assert rooms == [0, 0, 0, 0, 5, 6, 7, 8, 9, 10]


def test_what_came_first_goes_first_and_what_is_removed_does_not(clock):
    prefetch = Prefetch()
    for name in "abc":
        prefetch.put(job(name), "worker")
    assert prefetch.remove(hold_on(job("b"))).job.task_id == "b"
    assert prefetch.remove(hold_on(job("b"))) is None
    assert [prefetch.next().job.task_id for _ in range(2)] == ["a", "c"]
    assert prefetch.next() is None


def test_patience_is_that_of_who_waits_longest(clock):
    prefetch = Prefetch()
    assert prefetch.seconds_of_patience() is None
    prefetch.put(job("a"), "worker")
    clock.now += PATIENCE_SECONDS
    prefetch.put(job("b"), "worker")
    assert prefetch.seconds_of_patience() == pytest.approx(0)
    assert [claimed.job.task_id for claimed in prefetch.remove_all()] == ["a", "b"]
    assert len(prefetch) == 0
