"""Every ledger: what minutes of work came to."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from flowrra_django.tally import ALL_QUEUES, KEPT_SECONDS, Minute

MINUTE = timedelta(minutes=1)
QUEUES = ("default", "mail", "naïve queue: 1")


@pytest.fixture
def now(clock):
    return clock.moment().replace(second=0, microsecond=0)


def test_there_is_nothing_before_anything_was_counted(backend, now):
    assert backend.minutes(now - timedelta(hours=1)) == []


def test_what_was_counted_is_read_again(backend, now):
    minutes = [
        Minute(now - MINUTE, "default", 3, 1, {0: 3, 17: 1}, {40: 4}),
        Minute(now, "default", 1, 0, {}, {2: 1}),
        Minute(now, QUEUES[2], 0, 1, {5: 1}, {}),
    ]
    backend.add_minutes(minutes)
    assert backend.minutes(now - MINUTE) == minutes
    assert backend.minutes(now) == minutes[1:]


def test_what_comes_later_is_added(backend, now):
    backend.add_minutes([Minute(now, "mail", 1, 2, {1: 1}, {1: 3})])
    backend.add_minutes([Minute(now, "mail", 4, 0, {1: 2, 3: 5}, {}), Minute(now, "a", 1)])
    assert backend.minutes(now) == [
        Minute(now, "a", 1),
        Minute(now, "mail", 5, 2, {1: 3, 3: 5}, {1: 3}),
    ]


def test_the_totals_are_those_of_all_queues_together(backend, now):
    assert backend.totals(now - MINUTE) == []
    backend.add_minutes([Minute(now - MINUTE, "mail", 5, 2, {1: 1}, {1: 3})])
    backend.add_minutes([Minute(now, "mail", 1, 2, {1: 1}, {1: 3}), Minute(now, "a", 1)])
    backend.add_minutes([Minute(now, QUEUES[2], 4, 0, {1: 2, 3: 5}, {})])
    totals = [
        Minute(now - MINUTE, ALL_QUEUES, 5, 2, {1: 1}, {1: 3}),
        Minute(now, ALL_QUEUES, 6, 2, {1: 3, 3: 5}, {1: 3}),
    ]
    assert backend.totals(now - MINUTE) == totals
    assert backend.totals(now - timedelta(seconds=1)) == totals[1:]
    assert backend.totals(now + timedelta(seconds=1)) == []
    assert backend.ended(now - MINUTE) == {"mail": (6, 4), "a": (1, 0), QUEUES[2]: (4, 0)}
    assert backend.ended(now) == {"mail": (1, 2), "a": (1, 0), QUEUES[2]: (4, 0)}
    assert ALL_QUEUES not in {each.queue for each in backend.minutes(now - MINUTE)}


def test_many_who_count_the_same_minutes_lose_nothing(ledger, clock, now):
    backend = ledger.open(clock)

    def count(number):
        try:
            for turn in range(10):
                queues = QUEUES if (number + turn) % 2 else reversed(QUEUES)
                _insist(backend, [Minute(now, queue, 1, 0, {turn: 1}, {0: 1}) for queue in queues])
        finally:
            backend.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    figures = {each.queue: each for each in backend.minutes(now)}
    assert set(figures) == set(QUEUES)
    for each in figures.values():
        assert (each.succeeded, each.ran, each.waited) == (40, {0: 40}, dict.fromkeys(range(10), 4))
    backend.close()


def test_old_minutes_go(backend, clock, now):
    old = [
        Minute(now - timedelta(seconds=KEPT_SECONDS) - 2 * MINUTE, "mail", 1),
        Minute(now, "mail", 1),
    ]
    backend.add_minutes(old)
    backend.prune_minutes(KEPT_SECONDS)
    assert backend.minutes(now - timedelta(seconds=KEPT_SECONDS)) == old[1:]


def _insist(backend, minutes):
    """Try again for as long as others are writing, as a worker does."""
    while True:
        try:
            backend.add_minutes(minutes)
        except Exception as error:
            if not backend.is_busy(error):
                raise
        else:
            return
