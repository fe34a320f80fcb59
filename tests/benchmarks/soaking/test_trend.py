from __future__ import annotations

import pytest

from tests.benchmarks.soaking.trend import Trend


def trend_of(values: list[float], warm_up: float = 0.0, tolerance: float = 1.0) -> Trend:
    """Return a trend of one sample in a minute."""
    samples = [(60.0 * number, value) for number, value in enumerate(values)]
    return Trend("x", samples, warm_up, tolerance)


def test_what_grows_steadily_is_not_flat():
    trend = trend_of([50.0 + number for number in range(11)])
    assert trend.slope == pytest.approx(60.0)
    assert trend.growth == pytest.approx(10.0)
    assert not trend.is_flat


def test_what_goes_up_and_down_is_flat():
    assert trend_of([50.0, 52.0] * 10).is_flat


def test_what_shrinks_is_flat():
    assert trend_of([60.0, 50.0, 40.0]).is_flat


def test_the_warm_up_counts_for_nothing():
    values = [10.0, 40.0, 50.0, 50.0, 50.0]
    assert not trend_of(values).is_flat
    assert trend_of(values, warm_up=120.0).is_flat


def test_a_few_of_a_small_number_are_nothing():
    assert trend_of([16.0, 16.0, 17.0], tolerance=1.5).is_flat
    assert not trend_of([16.0, 18.0, 20.0], tolerance=1.5).is_flat


def test_it_says_where_it_stood_when_a_part_had_passed():
    trend = trend_of([1.0, 2.0, 3.0, 4.0, 5.0])
    assert [trend.at(part) for part in (0.0, 0.25, 0.5, 1.0)] == [1.0, 2.0, 3.0, 5.0]
