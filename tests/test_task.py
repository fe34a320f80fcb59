"""What `@flowrra_task` returns: enqueueing, and the function itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flowrra_django import Backoff, TaskStatus, runtime
from flowrra_django.models import TaskRecord
from flowrra_django.testing import run_jobs
from tests.testapp import tasks

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_task_is_still_the_function_itself():
    assert tasks.double(21) == 42
    assert await tasks.add(1, b=2) == 3
    assert tasks.double.__name__ == "double"
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        tasks.double()
    assert not await TaskRecord.objects.aexists()


def test_it_is_named_after_its_module_and_function():
    assert tasks.double.name == "tests.testapp.tasks.double"
    assert repr(tasks.double) == "<task tests.testapp.tasks.double>"


def test_enqueue_records_the_call():
    result = tasks.add.enqueue(1, b=Decimal("2.50")).get()
    assert (result.status, result.task_name) == (TaskStatus.PENDING, tasks.add.name)
    assert (result.args, result.kwargs) == ((1,), {"b": Decimal("2.50")})
    assert (result.queue, result.priority, result.run_after) == ("default", 0, None)
    assert timezone.now() - result.submitted_at < timedelta(seconds=5)


async def test_async_code_enqueues_as_well():
    handle = await tasks.add.aenqueue(1, b=2)
    more = await tasks.add.aenqueue_many([(1, 2), {"a": 3, "b": 4}])
    results = [await each.aget() for each in (handle, *more)]
    assert [(r.args, r.kwargs) for r in results] == [
        ((1,), {"b": 2}),
        ((1, 2), {}),
        ((), {"a": 3, "b": 4}),
    ]


def test_many_calls_are_one_statement():
    with CaptureQueriesContext(connection) as queries:
        handles = tasks.add.enqueue_many([(i, i) for i in range(20)])
    assert len([query for query in queries if "INSERT" in query["sql"]]) == 1
    assert [handle.get().args for handle in handles] == [(i, i) for i in range(20)]


def test_no_calls_are_no_jobs():
    assert tasks.add.enqueue_many([]) == []


@pytest.mark.parametrize("wrong", ["text", 5, {1, 2}, None])
def test_a_call_of_the_wrong_shape_is_refused_with_all_the_others(wrong):
    with pytest.raises(TypeError, match=r"write \(value,\)"):
        tasks.double.enqueue_many([(1,), wrong])
    assert not TaskRecord.objects.exists()


def test_one_bad_call_of_many_leaves_nothing():
    with pytest.raises(TypeError, match=r"args\[0\]: .*PosixPath"):
        tasks.double.enqueue_many([(1,), (Path("/"),)])
    assert not TaskRecord.objects.exists()


@pytest.mark.parametrize(
    ("args", "kwargs", "place"),
    [
        ((Path("/"),), {}, r"args\[0\]: pathlib.*PosixPath"),
        ((1, [2, object()]), {}, r"args\[1\]\[1\]: object"),
        ((), {"when": [1, 2, {print}]}, r"kwargs\['when'\]\[2\]: set of builtin_function"),
    ],
)
def test_what_json_cannot_carry_is_refused_by_its_place(args, kwargs, place):
    with pytest.raises(TypeError, match=place):
        tasks.double.enqueue(*args, **kwargs)
    assert not TaskRecord.objects.exists()


def test_a_payload_over_the_limit_is_refused(settings):
    settings.FLOWRRA = {"BACKEND": {"URL": "django://default", "MAX_PAYLOAD_BYTES": 100}}
    with pytest.raises(ValueError, match="the limit is 100"):
        tasks.double.enqueue("x" * 100)
    assert not TaskRecord.objects.exists()
    assert tasks.double.enqueue("x" * 80).get().args == ("x" * 80,)


def test_other_options_are_for_the_calls_enqueued_through_them_alone():
    urgent = tasks.add.using(queue="mail").using(priority=-10)
    first, second = urgent.enqueue(1, 2).get(), tasks.add.enqueue(1, 2).get()
    assert (first.queue, first.priority) == ("mail", -10)
    assert (second.queue, second.priority) == ("default", 0)
    assert urgent.name == tasks.add.name


def test_a_delay_counts_from_now():
    due = tasks.add.using(run_after=timedelta(hours=1)).enqueue(1, 2).get().run_after
    assert abs(due - timezone.now() - timedelta(hours=1)) < timedelta(seconds=5)


def test_a_moment_without_a_zone_is_in_the_current_one():
    aware = datetime(2100, 1, 1, 12, tzinfo=UTC)
    assert tasks.add.using(run_after=aware).enqueue(1, 2).get().run_after == aware
    naive = datetime(2100, 1, 1, 13)  # noqa: DTZ001
    assert tasks.add.using(run_after=naive).enqueue(1, 2).get().run_after == aware
    with timezone.override("Asia/Tokyo"):
        there = tasks.add.using(run_after=datetime(2100, 1, 1, 21))  # noqa: DTZ001
    assert there.enqueue(1, 2).get().run_after == aware


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"queue": ""}, ValueError),
        ({"queue": 5}, TypeError),
        ({"priority": "high"}, TypeError),
        ({"priority": 2**40}, ValueError),
        ({"run_after": 5}, TypeError),
        ({"run_after": "tomorrow"}, TypeError),
    ],
)
def test_an_option_that_is_none_is_refused_and_nothing_stored(options, error):
    with pytest.raises(error):
        tasks.add.using(**options).enqueue(1, 2)
    assert not TaskRecord.objects.exists()


def test_a_job_may_have_other_limits_than_its_task():
    urgent = tasks.fail.using(max_retries=2, retry_delay=(0, 0.01)).using(timeout=5, queue="mail")
    job, usual = urgent.enqueue("no luck"), tasks.fail.enqueue("no luck")
    run_jobs(scheduled=True)
    assert (job.get().status, job.get().retries) == (TaskStatus.FAILED, 2)
    assert (usual.get().status, usual.get().retries) == (TaskStatus.FAILED, 0)
    assert job.get().meta == {"options": {"max_retries": 2, "retry_delay": [0, 0.01], "timeout": 5}}
    assert usual.get().meta == {}
    assert runtime.registry.get(tasks.fail.name).max_retries == 0


def test_a_job_may_have_another_time_limit(start_worker):
    slow = tasks.nap.using(timeout=0.05, max_retries=0).enqueue(30)
    start_worker("--burst").wait()
    assert slow.get().error_type.endswith("JobTimeoutError")


def test_a_job_may_be_lost_as_often_as_it_says():
    tasks.double.using(max_crashes=0).using(priority=1).enqueue(1)
    tasks.double.enqueue(1)
    counts = TaskRecord.objects.order_by("id").values_list("max_crashes", "meta")
    assert list(counts) == [(0, {}), (3, {})]


@pytest.mark.parametrize(
    "option",
    [
        {"retry_on": ValueError},
        {"give_up_on": ValueError},
        {"retry_delay": Backoff()},
        {"unique": True},
        {"timeout": float("inf")},
        {"timeout": Decimal(5)},
        {"max_retries": 2**70},
    ],
)
def test_what_a_record_cannot_carry_is_for_the_decorator(option):
    (name,) = option
    with pytest.raises(TypeError, match=f"^{name} cannot be different .* Give it to the decorator"):
        tasks.double.using(**option)


@pytest.mark.parametrize(
    ("option", "error", "words"),
    [
        ({"max_retries": -1}, ValueError, "max_retries of task .*double' must be 0 or more"),
        ({"max_crashes": -1}, ValueError, "max_crashes of task .*double' must be 0 or more"),
        ({"timeout": 0}, ValueError, "timeout of task .*double' must be over 0"),
        ({"retry_delay": []}, ValueError, "retry_delay of task .*double' is empty"),
        ({"retry_delay": "soon"}, TypeError, "retry_delay of task .*double' is seconds, a list"),
        ({"name": "another"}, TypeError, "no option 'name'"),
        ({"max_retry": 1}, TypeError, "no option 'max_retry'"),
    ],
)
def test_limits_are_checked_as_those_of_the_decorator(option, error, words):
    with pytest.raises(error, match=words):
        tasks.double.using(**option)


def test_a_lower_priority_number_runs_first(start_worker):
    late, soon = tasks.double.enqueue(1), tasks.double.using(priority=-5).enqueue(2)
    start_worker("--burst", "--thread-workers", "1").wait()
    assert soon.get().started_at < late.get().started_at


def test_a_job_is_run_once_it_is_due_and_not_before(start_worker):
    handle = tasks.double.using(run_after=timedelta(seconds=1)).enqueue(4)
    start_worker()
    result = handle.wait(timeout=10)
    assert result.result == 8
    assert result.started_at >= result.run_after


def test_arguments_are_stored_as_json():
    tasks.double.enqueue([1, "two"])
    record = TaskRecord.objects.get()
    assert json.loads(record.args) == [[1, "two"]]
    assert json.loads(record.kwargs) == {}
