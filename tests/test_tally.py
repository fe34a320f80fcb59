from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from flowrra_django.tally import End, Minute, added, bucket_of, merged, quantile, summed

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_ends_are_summed_by_minute_and_queue():
    ends = [
        End(NOON + timedelta(seconds=59), "mail", True, 0.0, 0.004),
        End(NOON + timedelta(seconds=60), "mail", True, None, None),
        End(NOON, "mail", False, 2.0, 0.004),
        End(NOON, "a", True, 0.0005, 0.001),
    ]
    assert summed(ends) == [
        Minute(NOON, "a", 1, 0, {0: 1}, {0: 1}),
        Minute(NOON, "mail", 1, 1, {0: 1, bucket_of(2.0): 1}, {8: 2}),
        Minute(NOON + timedelta(minutes=1), "mail", 1),
    ]
    assert summed([]) == []


def test_minutes_are_added():
    one, other = Minute(NOON, "a", 1, 2, {1: 1}, {}), Minute(NOON, "a", 3, 4, {1: 1, 2: 1}, {5: 1})
    assert added(one, other) == Minute(NOON, "a", 4, 6, {1: 2, 2: 1}, {5: 1})
    assert merged() == {}


@pytest.mark.parametrize("seconds", [-5.0, 0.0, 0.0005, 0.001])
def test_what_is_too_short_or_less_than_nothing_falls_into_the_first_bucket(seconds):
    assert bucket_of(seconds) == 0


def test_a_quantile_is_right_to_a_tenth():
    chance = random.Random(1)
    durations = sorted(chance.lognormvariate(0, 2) for _ in range(2_000))
    histogram = {}
    for seconds in durations:
        histogram[bucket_of(seconds)] = histogram.get(bucket_of(seconds), 0) + 1
    for share in (0.01, 0.5, 0.95, 1.0):
        exact = durations[int(share * len(durations)) - 1]
        assert quantile(histogram, share) == pytest.approx(exact, rel=0.1)


def test_there_is_no_quantile_of_nothing():
    assert quantile({}, 0.5) is None
