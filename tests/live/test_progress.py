"""What a bar shows of a job."""

from __future__ import annotations

import orjson
import pytest

from flowrra_django.backends.briefs import Brief
from flowrra_django.live.progress import state_of
from flowrra_django.results import TaskStatus


def shown(status="running", **progress):
    state = state_of(Brief("a", TaskStatus(status), "t", "q", 1, progress or None))
    assert orjson.loads(orjson.dumps(state)) == state
    return state["percent"], state["detail"]


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [
        (0, 4, (0, "0 of 4")),
        (1, 3, (33, "1 of 3")),
        (1024, 2048, (50, "1,024 of 2,048")),
        (0.25, 1.0, (25, "0.25 of 1")),
        (7, None, (None, "7")),
        (9, 3, (100, "9 of 3")),
        (-1, 3, (0, "-1 of 3")),
        (3, 0, (None, "3 of 0")),
        (2**53, 1, (100, "9,007,199,254,740,992 of 1")),
    ],
)
def test_how_far_a_job_is_becomes_percent_and_words(done, total, expected):
    assert shown(done=done, total=total, message="") == expected


def test_what_a_job_says_is_added():
    assert shown(done=1, total=2, message="reading") == (50, "1 of 2 · reading")
    assert shown(done=None, total=None, message="reading") == (None, "reading")


def test_a_job_that_ends_early_keeps_its_place_unless_it_succeeded():
    assert shown("failed", done=1, total=4, message="")[0] == 25
    assert shown("cancelled", done=1, total=4, message="")[0] == 25
    assert shown("success", done=1, total=4, message="")[0] == 100
    assert shown("failed")[0] == 0


@pytest.mark.parametrize("nonsense", ["<b>", [], {}, float("nan"), float("inf"), None])
def test_what_is_no_number_is_not_shown(nonsense):
    assert shown(done=nonsense, total=nonsense, message="") == (None, "")
