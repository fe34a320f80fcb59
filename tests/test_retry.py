"""What becomes of a job after a run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from flowrra_django.exceptions import FlowrraError, TaskNotFoundError, WorkerLostError
from flowrra_django.history import with_attempt
from flowrra_django.job import Crashed, ErrorInfo, Failed, GivenBack, Job, Kind, Succeeded
from flowrra_django.policy import Backoff, GiveUp, Retry
from flowrra_django.registry import Task
from flowrra_django.results import TaskStatus
from flowrra_django.retry import (
    UNKNOWN_TASK_DELAY,
    UNKNOWN_TASK_LIMIT,
    Limits,
    Release,
    Settlement,
    after_crash,
    after_unknown_task,
    given_back,
    limits_of,
    lost_worker,
    settle,
)

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ERROR = ErrorInfo("no luck", "builtins.ValueError", "Traceback …")


def func():
    pass


def job_of(**changes):
    fields = {"attempts": 1, "claim": 1, "started_at": AT, **changes}
    return Job(task_id="x", task_name="shop.pay", kind=Kind.THREAD, args=[], kwargs={}, **fields)


def task_of(**options):
    return Task(name="shop.pay", func=func, kind=Kind.THREAD, **options)


def after(outcome, job=None, **options):
    return settle(
        job or job_of(),
        task_of(**options),
        outcome,
        defaults=Limits(3, 1.0),
        worker="w",
        seconds=2.0,
    )


def errors_in(history):
    return [attempt["error"] for attempt in orjson.loads(history)]


# Success and failure


def test_what_returned_has_succeeded_and_keeps_its_past():
    job = job_of(failures=2, crashes=1, history='[{"error":"old"}]')
    settlement = after(Succeeded(42), job)
    assert settlement == Settlement(
        job=job,
        status=TaskStatus.SUCCESS,
        result=42,
        failures=2,
        crashes=1,
        history='[{"error":"old"}]',
    )


@pytest.mark.parametrize(
    ("options", "failures", "status", "delay"),
    [
        ({}, 0, TaskStatus.RETRYING, 1.0),
        ({}, 2, TaskStatus.RETRYING, 1.0),
        ({}, 3, TaskStatus.FAILED, 0.0),
        ({"max_retries": 0}, 0, TaskStatus.FAILED, 0.0),
        ({"max_retries": 1, "retry_delay": 7.5}, 0, TaskStatus.RETRYING, 7.5),
        ({"max_retries": 1, "retry_delay": 0}, 0, TaskStatus.RETRYING, 0),
        ({"max_retries": 1}, 1, TaskStatus.FAILED, 0.0),
    ],
)
def test_what_raised_is_tried_again_as_often_as_its_task_allows(options, failures, status, delay):
    settlement = after(Failed(ERROR), job_of(failures=failures), **options)
    assert (settlement.status, settlement.delay) == (status, delay)
    assert (settlement.failures, settlement.crashes, settlement.error) == (failures + 1, 0, ERROR)


def test_crashes_count_against_no_retry():
    settlement = after(Failed(ERROR), job_of(crashes=3), max_retries=1)
    assert (settlement.status, settlement.crashes) == (TaskStatus.RETRYING, 3)


@pytest.mark.parametrize(
    ("crashes", "max_crashes", "status", "words"),
    [
        (0, 3, "retrying", ""),
        (2, 3, "retrying", ""),
        (3, 3, "failed", " That was time 4, and max_crashes is 3."),
        (0, 0, "failed", ""),
    ],
)
def test_what_took_its_process_down_is_tried_again_so_often(crashes, max_crashes, status, words):
    job = job_of(crashes=crashes, max_crashes=max_crashes, failures=1)
    settlement = after(Crashed(ERROR), job, max_retries=0)
    assert settlement.status == status
    assert (settlement.delay, settlement.crashes, settlement.failures) == (0.0, crashes + 1, 1)
    assert settlement.error.message == f"no luck{words}"
    assert errors_in(settlement.history) == ["no luck"]


def test_the_loss_of_a_worker_is_told_with_its_name():
    settlement = after_crash(job_of(), lost_worker("w7"), worker="w7")
    assert settlement.error.message == "Worker w7 went away while it ran this job."
    assert settlement.error.type == "flowrra_django.exceptions.WorkerLostError"
    (attempt,) = orjson.loads(settlement.history)
    assert attempt["finished_at"] is None  # nobody knows


def test_limits_that_a_task_leaves_open_are_the_defaults():
    defaults = Limits(3, 1.0)
    assert limits_of(task_of(), defaults) == defaults
    assert limits_of(task_of(max_retries=0), defaults) == Limits(0, 1.0)
    assert limits_of(task_of(retry_delay=0), defaults) == Limits(3, 0)


# What is worth another run


def failed_with(error):
    return Failed(ErrorInfo(str(error), "x"), error)


@pytest.mark.parametrize(
    ("options", "error", "delay"),
    [
        ({"retry_delay": [5, 60]}, KeyError(), 5),
        ({"retry_delay": Backoff(base=3, jitter=0)}, KeyError(), 3),
        ({"retry_on": OSError}, TimeoutError(), 1),
        ({"retry_on": (OSError, ValueError)}, UnicodeError(), 1),
        ({"retry_on": OSError}, KeyError(), None),
        ({"give_up_on": LookupError}, KeyError(), None),
        ({"give_up_on": LookupError}, OSError(), 1),
        ({"retry_on": LookupError, "give_up_on": KeyError}, IndexError(), 1),
        ({"retry_on": LookupError, "give_up_on": KeyError}, KeyError(), None),
        ({"retry_on": lambda error, failures: failures == 1}, KeyError(), 1),
        ({"retry_on": lambda error, failures: failures == 2}, KeyError(), None),
        ({"retry_on": lambda error, failures: 30 * failures}, KeyError(), 30),
        ({"retry_on": lambda error, failures: timedelta(minutes=2)}, KeyError(), 120),
        ({}, Retry(), 1),
        ({}, Retry(after=90), 90),
        ({}, Retry(after=timedelta(minutes=3)), 180),
        ({"retry_on": OSError}, Retry(after=0), 0),
        ({"give_up_on": FlowrraError}, Retry(after=5), None),
        ({}, GiveUp("enough"), None),
        ({"retry_on": GiveUp}, GiveUp("enough"), None),
    ],
)
def test_a_task_and_its_code_say_what_is_worth_another_run(options, error, delay):
    settlement = after(failed_with(error), **options)
    expected = TaskStatus.FAILED if delay is None else TaskStatus.RETRYING
    assert (settlement.status, settlement.delay) == (expected, delay or 0)
    assert settlement.failures == 1


@pytest.mark.parametrize("error", [KeyError(), Retry(after=1)])
def test_nothing_is_worth_more_runs_than_max_retries(error):
    settlement = after(failed_with(error), job_of(failures=2), max_retries=2)
    assert settlement.status is TaskStatus.FAILED


def test_a_function_that_fails_itself_costs_the_job_no_retry(caplog):
    settlement = after(failed_with(KeyError()), retry_on=lambda error, failures: 1 / 0)
    assert settlement.status is TaskStatus.RETRYING
    assert "retry_on of task shop.pay failed" in caplog.text


def test_an_error_that_could_not_come_back_from_its_process_is_retried():
    assert after(Failed(ERROR), retry_on=OSError).status is TaskStatus.RETRYING


# Given back


@pytest.mark.parametrize("started", [True, False])
def test_what_was_given_back_waits_again_at_no_cost(started):
    job = job_of()
    outcome = GivenBack("The worker stopped.", started=started, delay=2.5)
    assert after(outcome, job) == Release(job=job, delay=2.5, reason=outcome.reason)


@pytest.mark.parametrize(
    ("max_retries", "max_crashes", "started", "fails"),
    [(0, 0, True, True), (0, 0, False, False), (1, 0, True, False), (0, 1, True, False)],
)
def test_only_what_may_run_once_and_had_begun_fails_when_given_back(
    max_retries, max_crashes, started, fails
):
    outcome = GivenBack("The worker stopped.", started=started)
    written = after(outcome, job_of(max_crashes=max_crashes), max_retries=max_retries)
    assert isinstance(written, Settlement if fails else Release)
    if fails:
        assert written.status is TaskStatus.FAILED
        assert written.error.message == (
            "The worker stopped. It may run at most once, so it is not run again."
        )
        assert written.error.type.endswith(WorkerLostError.__qualname__)


# A task that is not known


def test_a_job_whose_task_is_not_known_waits_a_while():
    job = job_of()
    assert after_unknown_task(job, worker="w") == Release(
        job=job, delay=UNKNOWN_TASK_DELAY, reason="No task 'shop.pay' is registered here."
    )


def test_after_an_hour_of_that_it_fails():
    assert UNKNOWN_TASK_LIMIT * UNKNOWN_TASK_DELAY == 3600
    last = job_of(claim=UNKNOWN_TASK_LIMIT, attempts=1)
    assert isinstance(after_unknown_task(last, worker="w"), Release)
    settlement = after_unknown_task(job_of(claim=UNKNOWN_TASK_LIMIT + 1), worker="w")
    assert settlement.status is TaskStatus.FAILED
    assert settlement.error.message == str(TaskNotFoundError("shop.pay"))
    assert settlement.error.type == "flowrra_django.exceptions.TaskNotFoundError"
    assert settlement.failures == 1
    assert errors_in(settlement.history) == [settlement.error.message]


def test_a_retry_by_hand_gives_it_an_hour_again():
    failed = after_unknown_task(job_of(claim=UNKNOWN_TASK_LIMIT + 1), worker="w")
    again = job_of(claim=UNKNOWN_TASK_LIMIT + 2, history=failed.history)
    assert given_back(again) == 0
    assert isinstance(after_unknown_task(again, worker="w"), Release)
    assert given_back(replace(again, claim=UNKNOWN_TASK_LIMIT + 9)) == 7


@pytest.mark.parametrize(
    "history", ["[]", "junk", '[{"error": ""}]', '[{"error": "", "claim": "x"}]']
)
def test_with_no_claim_in_the_history_all_that_were_given_back_count(history):
    assert given_back(job_of(claim=5, attempts=2, history=history)) == 3


def test_what_was_given_back_counts_from_the_last_attempt_that_went_wrong():
    history = with_attempt(job_of(claim=4, attempts=1), ERROR, "w", 1)
    assert given_back(job_of(claim=5, attempts=2, history=history)) == 0
    assert given_back(job_of(claim=7, attempts=2, history=history)) == 2
