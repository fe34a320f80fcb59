from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from flowrra_django.admin.timeline import drawn, spans_of
from tests.admin.support import make_pending, make_record, make_running

NOW = timezone.now()

pytestmark = pytest.mark.django_db


def ago(seconds: float) -> Any:
    return NOW - timedelta(seconds=seconds)


def history(*attempts: tuple[float, float | None]) -> str:
    return json.dumps([
        {"started_at": ago(start).isoformat(), "finished_at": end and ago(end).isoformat()}
        for start, end in attempts
    ])  # fmt: skip


def way(record: Any) -> list[tuple[str, float]]:
    """Return the kinds of spans, and how many seconds each took."""
    return [(span.kind, span.length.total_seconds()) for span in spans_of(record, NOW)]


def test_a_job_that_succeeded_at_once_waited_and_ran() -> None:
    job = make_record(submitted_at=ago(60), started_at=ago(50), finished_at=ago(20))
    assert way(job) == [("waited", 10), ("ran", 30)]


def test_each_attempt_is_there_and_what_it_waited_for() -> None:
    job = make_record(
        submitted_at=ago(100), started_at=ago(20), finished_at=ago(12),
        history=history((90, 80), (60, 45)),
    )  # fmt: skip
    assert way(job) == [
        ("waited", 10), ("failed", 10), ("waited", 20), ("failed", 15), ("waited", 25), ("ran", 8),
    ]  # fmt: skip


def test_the_last_attempt_of_a_job_that_failed_is_there_once() -> None:
    job = make_record(
        status="failed", submitted_at=ago(50), started_at=ago(20), finished_at=ago(12),
        history=history((40, 30), (20, 12)),
    )  # fmt: skip
    assert way(job) == [("waited", 10), ("failed", 10), ("waited", 10), ("failed", 8)]


def test_a_job_that_is_delayed_does_not_wait_until_it_may_run() -> None:
    job = make_pending(submitted_at=ago(60), run_after=ago(20))
    assert way(job) == [("delayed", 40), ("waited", 20)]
    later = make_pending(submitted_at=ago(60), run_after=ago(-20))
    assert way(later) == [("delayed", 60)]


def test_what_goes_on_ends_now() -> None:
    assert way(make_running(submitted_at=ago(9), started_at=ago(7))) == [("waited", 2), ("ran", 7)]
    assert way(make_pending(submitted_at=ago(9))) == [("waited", 9)]


def test_a_job_that_was_cancelled_while_it_waited_did_not_run() -> None:
    job = make_record(
        status="cancelled", worker="", submitted_at=ago(9), started_at=None, finished_at=ago(2)
    )
    assert way(job) == []


@pytest.mark.parametrize(
    "told",
    ["", "no JSON", "7", "[7]", '[{"started_at": 7}]', '[{"started_at": "x"}]', "[{}]", '{"a": 1}'],
)
def test_a_history_that_is_none_tells_nothing(told: str) -> None:
    job = make_record(submitted_at=ago(60), started_at=ago(50), finished_at=ago(20), history=told)
    assert way(job) == [("waited", 10), ("ran", 30)]


def test_spans_are_told_in_words_and_drawn_beside_each_other() -> None:
    job = make_record(
        submitted_at=ago(100), started_at=ago(20), finished_at=ago(0), history=history((90, 80))
    )
    svg = drawn(spans_of(job, NOW))
    assert 'aria-label="waited 1 min 10 s (2 times), ran 20.0 s, ran, and failed 10.0 s"' in svg
    assert svg.count("<rect") == 4
    assert 'x="800.0" y="0" width="200.0"' in svg
    assert " style=" not in svg
