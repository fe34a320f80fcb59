"""When a job that failed is run again: delays, and what a task says of errors."""

import pickle
from datetime import timedelta

import pytest

from flowrra_django.policy import (
    Backoff,
    Retry,
    check_delay,
    check_errors,
    delay_after,
    in_seconds,
)


def test_a_backoff_grows_by_its_factor_up_to_its_most():
    backoff = Backoff(base=2, factor=3, max=50, jitter=0)
    assert [backoff.after(failures) for failures in range(1, 6)] == [2, 6, 18, 50, 50]
    assert backoff.after(10_000) == 50


def test_chance_shortens_a_delay_by_no_more_than_the_jitter():
    delays = {Backoff(base=100, jitter=0.25).after(1) for _ in range(200)}
    assert len(delays) > 100
    assert 75 <= min(delays) < 80
    assert 95 < max(delays) <= 100


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"base": -1}, "base"),
        ({"max": -1}, "max"),
        ({"factor": 0.5}, "factor"),
        ({"jitter": 2}, "jitter"),
    ],
)
def test_a_backoff_out_of_range_is_refused_by_name(options, named):
    with pytest.raises(ValueError, match=named):
        Backoff(**options)


@pytest.mark.parametrize(
    ("delay", "delays"), [(5, [5, 5, 5]), ([1, 10], [1, 10, 10]), ((7,), [7, 7, 7])]
)
def test_the_last_of_a_list_serves_for_the_rest(delay, delays):
    assert [delay_after(delay, failures) for failures in (1, 2, 3)] == delays


@pytest.mark.parametrize("delay", [None, 0, 1.5, [0, 1.5], (3,), Backoff()])
def test_delays_are_taken(delay):
    check_delay(delay, "retry_delay")


@pytest.mark.parametrize(
    ("delay", "error"),
    [
        (-1, ValueError),
        ([1, -1], ValueError),
        ([], ValueError),
        (float("nan"), ValueError),
        ("soon", TypeError),
        (True, TypeError),
        (timedelta(seconds=1), TypeError),
    ],
)
def test_what_is_no_delay_is_refused_by_name(delay, error):
    with pytest.raises(error, match="retry_delay"):
        check_delay(delay, "retry_delay")


@pytest.mark.parametrize("errors", [None, (), ValueError, (ValueError, OSError)])
def test_exception_classes_are_taken(errors):
    check_errors(errors, "retry_on")


@pytest.mark.parametrize("errors", ["ValueError", [ValueError], (int,), ValueError("x"), print])
def test_what_are_no_exception_classes_are_refused_by_name(errors):
    with pytest.raises(TypeError, match="give_up_on"):
        check_errors(errors, "give_up_on")


def test_a_function_may_do_in_place_of_classes():
    check_errors(print, "retry_on", or_function=True)
    with pytest.raises(TypeError, match="or a function"):
        check_errors(int, "retry_on", or_function=True)


def test_a_wish_for_a_retry_survives_the_way_from_a_child():
    wish = pickle.loads(pickle.dumps(Retry("not yet", after=timedelta(minutes=2))))
    assert (str(wish), wish.after) == ("not yet", timedelta(minutes=2))


def test_a_length_of_time_is_never_negative():
    assert (in_seconds(timedelta(minutes=1)), in_seconds(-5)) == (60, 0)
