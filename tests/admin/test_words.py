from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flowrra_django.admin.words import ago, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "<1 ms"),
        (0.0004, "<1 ms"),
        (0.001, "1 ms"),
        (0.9999, "999 ms"),
        (1, "1.0 s"),
        (59.99, "59.9 s"),
        (60, "1 min"),
        (250, "4 min 10 s"),
        (3_599.9, "59 min 59 s"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (3_659, "1 h"),
        (90_000, "1 d 1 h"),
        (86_400 * 400, "400 d"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


def test_a_moment_is_past_or_to_come() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert ago(now - timedelta(minutes=5), now) == "5 min ago"
    assert ago(now + timedelta(hours=2), now) == "in 2 h"
