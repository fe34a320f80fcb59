"""The attempts of a job that went wrong, in its record."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from flowrra_django.history import (
    KEPT_ATTEMPTS,
    KEPT_MESSAGE_CHARS,
    KEPT_TRACEBACKS,
    with_attempt,
)
from flowrra_django.job import ErrorInfo, Job, Kind

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ERROR = ErrorInfo("no luck", "builtins.ValueError", "Traceback …")


def job_of(**changes):
    fields = {"attempts": 1, "claim": 1, "started_at": AT, **changes}
    return Job(task_id="x", task_name="shop.pay", kind=Kind.THREAD, args=[], kwargs={}, **fields)


def errors_in(history):
    return [attempt["error"] for attempt in orjson.loads(history)]


def test_each_attempt_that_went_wrong_is_kept_with_all_of_it():
    (attempt,) = orjson.loads(with_attempt(job_of(attempts=2), ERROR, "w", 2.5))
    assert attempt == {
        "attempt": 2,
        "worker": "w",
        "started_at": AT.isoformat(),
        "finished_at": (AT + timedelta(seconds=2.5)).isoformat(),
        "error": "no luck",
        "error_type": "builtins.ValueError",
        "traceback": "Traceback …",
        "claim": 1,
    }


def test_only_the_last_attempts_are_kept_oldest_first():
    history = "[]"
    for number in range(KEPT_ATTEMPTS + 3):
        error = ErrorInfo(f"{number}", "x")
        history = with_attempt(job_of(history=history), error, "w", 0.0)
    assert errors_in(history) == [f"{number}" for number in range(3, KEPT_ATTEMPTS + 3)]


@pytest.mark.parametrize("history", ["", "[", "{}", "7", '["old"]', '[{"attempt": 1}]'])
def test_a_history_that_somebody_else_has_written_begins_anew(history):
    assert errors_in(with_attempt(job_of(history=history), ERROR, "w", 1.0)) == [ERROR.message]


def test_the_last_attempts_are_kept_in_full_and_earlier_ones_in_short():
    history = "[]"
    for _ in range(KEPT_TRACEBACKS + 2):
        error = ErrorInfo("m" * 1000, "x", "Traceback …")
        history = with_attempt(job_of(history=history), error, "w", 0.0)
    attempts = orjson.loads(history)
    assert [a["error_type"] for a in attempts] == ["x"] * (KEPT_TRACEBACKS + 2)
    assert [a["traceback"] for a in attempts] == [""] * 2 + ["Traceback …"] * KEPT_TRACEBACKS
    assert [len(a["error"]) for a in attempts[:3]] == [KEPT_MESSAGE_CHARS] * 2 + [1000]


def test_an_attempt_that_never_started_has_no_times():
    (attempt,) = orjson.loads(with_attempt(job_of(started_at=None), ERROR, "w", 1.0))
    assert (attempt["started_at"], attempt["finished_at"]) == (None, None)
