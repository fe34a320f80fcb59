"""The checker itself, on runs and records that are made up."""

from __future__ import annotations

from collections import Counter

import pytest

from .checker import SETTLE_SECONDS, Harm, Wanted, judge
from .journal import Run

GOOD = {"status": "success", "attempts": 1, "crashes": 0, "error_type": None}
LOST = {**GOOD, "status": "failed", "error_type": "flowrra_django.exceptions.WorkerLostError"}


def run(started: float, ended: float | None, worker: int = 1) -> Run:
    return Run(1, f"run at {started}", worker, "w", "1", started, ended)


def judged(state, runs, harms=(), want=None):
    states = {} if state is None else {1: state}
    return judge({1: want or Wanted()}, states, {1: runs}, harms, Counter())


@pytest.mark.parametrize(
    ("state", "runs", "complaint"),
    [
        (GOOD, [run(0, 1)], ""),
        (GOOD, [], "1 lost"),
        (GOOD, [run(0, None)], "1 lost"),
        (None, [run(0, 1)], "1 lost"),
        (LOST, [run(0, 1)], "1 lost"),
        ({**GOOD, "status": "running"}, [run(0, 1)], "1 stuck"),
        ({**GOOD, "status": "pending"}, [], "1 stuck"),
        (GOOD, [run(0, 1), run(2, 3)], "1 doubled"),
        (GOOD, [run(0, None), run(2, 3)], ""),
    ],
)
def test_it_says_what_became_of_a_job(state, runs, complaint):
    assert judged(state, runs).complaints == complaint


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (Harm(1, 1.5, 1.5), ""),
        (Harm(1, 0.5, 9.0), ""),
        (Harm(2, 1.5, 1.5), "1 doubled"),
        (Harm(1, 1.1 + SETTLE_SECONDS, 1.1 + SETTLE_SECONDS), "1 doubled"),
    ],
    ids=["killed after it", "frozen during it", "another killed", "killed too long after it"],
)
def test_a_job_may_end_twice_only_if_its_worker_was_harmed_then(harm, complaint):
    verdict = judged(GOOD, [run(0, 1), run(20, 21, worker=2)], [harm])
    assert verdict.complaints == complaint
    assert verdict.again == (not complaint)


def test_the_last_worker_to_start_a_job_needs_no_excuse_and_is_none_for_others():
    late = run(0, 30)  # frozen in between
    assert not judged(GOOD, [late, run(10, 11, worker=2)], [Harm(1, 5, 20)]).complaints
    assert judged(GOOD, [late, run(10, 11, worker=2)], [Harm(2, 5, 20)]).complaints == "1 doubled"


@pytest.mark.parametrize(
    ("want", "state", "runs", "complaint"),
    [
        (Wanted(most_starts=1), GOOD, [run(0, None), run(2, 3)], "1 doubled"),
        (Wanted(most_attempts=1), {**GOOD, "attempts": 2}, [run(0, 1)], "1 with attempts used up"),
        (Wanted(most_attempts=1), {**GOOD, "crashes": 1}, [run(0, 1)], "1 with attempts used up"),
        (Wanted(status=("failed",), error_type="WorkerLostError"), LOST, [run(0, None)], ""),
        (Wanted(status=("failed",), error_type="OtherError"), LOST, [run(0, None)], "1 lost"),
    ],
)
def test_more_may_be_wanted_of_a_job(want, state, runs, complaint):
    assert judged(state, runs, want=want).complaints == complaint
