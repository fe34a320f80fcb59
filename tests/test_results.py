"""What one can know about a job."""

from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from flowrra_django.history import with_attempt
from flowrra_django.job import ErrorInfo, Job, Kind
from flowrra_django.results import (
    FINAL,
    WAITING,
    Attempt,
    TaskResult,
    TaskStatus,
    attempts_from,
    count_retries,
)

FINALS = {TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.CANCELLED}


def test_the_states_and_their_names():
    assert [status.value for status in TaskStatus] == [
        "pending",
        "running",
        "retrying",
        "success",
        "failed",
        "cancelled",
    ]


@pytest.mark.parametrize("status", TaskStatus)
def test_a_state_waits_or_runs_or_is_final(status):
    assert status.is_final is (status in FINALS)
    assert status.is_waiting is (status in {TaskStatus.PENDING, TaskStatus.RETRYING})
    assert status.is_final + status.is_waiting + (status is TaskStatus.RUNNING) == 1
    result = TaskResult("x", status)
    assert result.is_complete is status.is_final
    assert result.is_success is (status is TaskStatus.SUCCESS)


def test_the_groups_of_states_cannot_be_changed():
    assert FINALS == FINAL
    assert isinstance(FINAL, frozenset)
    assert isinstance(WAITING, frozenset)


def test_a_result_needs_an_id_and_a_state_and_is_otherwise_empty():
    result = TaskResult("x", TaskStatus.PENDING)
    assert result.task_name is result.result is result.error is result.run_after is None
    assert result.submitted_at is result.started_at is result.finished_at is None
    assert (result.args, result.kwargs, result.retries) == ((), {}, 0)
    assert (result.attempts, result.failures, result.crashes) == (0, 0, 0)


def test_a_result_is_frozen():
    result = TaskResult("x", TaskStatus.PENDING)
    with pytest.raises(FrozenInstanceError):
        result.status = TaskStatus.SUCCESS
    with pytest.raises((AttributeError, TypeError)):
        result.colour = "red"


def test_as_a_dict_it_is_of_plain_values_that_json_takes():
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    result = TaskResult("x", TaskStatus.RUNNING, "shop.pay", submitted_at=at, args=(1, "a"))
    as_dict = result.to_dict()
    assert set(as_dict) == {field.name for field in fields(TaskResult)}
    assert (as_dict["status"], type(as_dict["status"])) == ("running", str)
    assert as_dict["submitted_at"] == "2026-01-31T12:00:00+00:00"
    assert as_dict["started_at"] is None
    assert orjson.loads(orjson.dumps(as_dict))["args"] == [1, "a"]


def test_attempts_are_read_back_as_they_were_written():
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    job = Job(task_id="x", task_name="t", kind=Kind.IO, args=[], kwargs={}, attempts=3)
    error = ErrorInfo("no luck", "builtins.ValueError", "Traceback …")
    history = with_attempt(replace(job, started_at=at), error, "w", 2.5)
    (attempt,) = attempts_from(history)
    assert attempt == Attempt(
        attempt=3,
        worker="w",
        started_at=at,
        finished_at=at + timedelta(seconds=2.5),
        error="no luck",
        error_type="builtins.ValueError",
        traceback="Traceback …",
    )
    result = TaskResult("x", TaskStatus.FAILED, history=(attempt,), meta={"a": 1})
    (told,) = orjson.loads(orjson.dumps(result.to_dict()))["history"]
    assert [told] == orjson.loads(history)


def test_no_history_is_no_attempts():
    assert attempts_from("[]") == ()


@pytest.mark.parametrize(
    ("status", "failures", "crashes", "retries"),
    [
        (TaskStatus.SUCCESS, 0, 0, 0),
        (TaskStatus.SUCCESS, 2, 1, 3),
        (TaskStatus.FAILED, 1, 0, 0),
        (TaskStatus.FAILED, 4, 0, 3),
        (TaskStatus.FAILED, 0, 4, 3),
        (TaskStatus.RETRYING, 1, 0, 1),
        (TaskStatus.RUNNING, 1, 1, 2),
        (TaskStatus.CANCELLED, 0, 0, 0),
        (TaskStatus.FAILED, 0, 0, 0),
    ],
)
def test_retries_are_the_tries_that_followed_one_that_went_wrong(
    status, failures, crashes, retries
):
    assert count_retries(status, failures, crashes) == retries
