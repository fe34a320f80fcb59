from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from flowrra_django.admin.calling import Arguments, example_of, read_arguments
from flowrra_django.job import Kind
from flowrra_django.models import TaskRecord
from flowrra_django.registry import Task
from tests.admin.support import LIST, make_pending, make_record, make_running, text_of
from tests.testapp.tasks import add, close_year, fail_again, login

TASKS = "/admin/flowrra_django/registeredtask/"
RUN = f"{TASKS}run/"
HTML = "<script>alert('x')</script>"


def send(to: str, count: int = 1, *more: int, urgent: bool = False) -> None:
    """Send it."""


def with_job(job: Any, to: str) -> None:
    """Take the job in front."""


def task_of(func: Callable[..., Any], **options: Any) -> Task:
    return Task(name="t", func=func, kind=Kind.THREAD, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["ada"]', Arguments(("ada",), {})),
        ('["ada", 2, 3, 4]', Arguments(("ada", 2, 3, 4), {})),
        ('{"to": "ada", "urgent": true}', Arguments((), {"to": "ada", "urgent": True})),
        (' {"to": "ada"}\n', Arguments((), {"to": "ada"})),
    ],
)
def test_json_that_fits_the_function_is_read(text: str, expected: Arguments) -> None:
    assert read_arguments(task_of(send), text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON", "This is not JSON: "),
        ("7", "Write a list of arguments, or an object with arguments by name."),
        ("", "This does not fit the function: missing a required argument: 'to'."),
        ("[]", "missing a required argument: 'to'"),
        ('{"to": "ada", "from": 1}', "got an unexpected keyword argument 'from'"),
        ("[7]", "to is to be a text."),
        ('["ada", true]', "count is to be an integer."),
        ('["ada", 1.5]', "count is to be an integer."),
        ('{"to": "ada", "urgent": 1}', "urgent is to be true or false."),
    ],
)
def test_what_does_not_fit_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read_arguments(task_of(send), text)


def test_the_job_that_a_task_takes_in_front_is_not_asked_for() -> None:
    task = task_of(with_job, takes_job=True)
    assert json.loads(example_of(task)) == {"to": None}
    assert read_arguments(task, '["ada"]') == Arguments(("ada",), {})
    assert json.loads(example_of(task_of(send))) == {"to": None}


def row_of(client: Client, name: str) -> str:
    """Return what the page says of a task, after its name, which may be broken after its dots."""
    return text_of(client.get(TASKS)).partition(f" {name.replace('.', '. ')} ")[2]


def test_each_task_tells_its_options_and_leads_to_its_jobs(admin_client: Client) -> None:
    assert row_of(admin_client, fail_again.name).startswith(
        "io default max_retries=2 retry_delay=0.01 - - - Run now"
    )
    assert f'href="{LIST}?task={add.name}"' in admin_client.get(TASKS).content.decode()


def test_a_task_tells_how_its_last_jobs_went(admin_client: Client) -> None:
    start = timezone.now()
    for seconds, status in ((1, "success"), (2, "success"), (3, "success"), (4, "failed")):
        end = start + timedelta(seconds=seconds)
        make_record(task_name=add.name, status=status, started_at=start, finished_at=end)
    make_running(task_name=add.name)
    make_pending(task_name=add.name)
    assert row_of(admin_client, add.name).startswith("io default 75 % 2.0 s 3.0 s")


def test_a_task_is_run_with_what_was_typed(admin_client: Client) -> None:
    form = admin_client.get(RUN, {"task": add.name})
    assert f"{add.name}(a, b)" in text_of(form)
    data = {"task": add.name, "arguments": '{"a": 1, "b": 2}'}
    response = admin_client.post(RUN, data, follow=True)
    job = TaskRecord.objects.get()
    assert (job.task_name, json.loads(job.kwargs)) == (add.name, {"a": 1, "b": 2})
    assert f"Job {job.task_id} is on its way." in text_of(response)
    assert job.task_id in LogEntry.objects.get().change_message


def test_what_does_not_fit_is_shown_again_and_not_run(admin_client: Client) -> None:
    data = {"task": add.name, "arguments": '{"a": 1} ' + HTML}
    page = admin_client.post(RUN, data)
    assert "This is not JSON" in text_of(page)
    assert HTML not in page.content.decode()
    assert "missing a required argument: 'b'" in text_of(
        admin_client.post(RUN, {**data, "arguments": '{"a": 1}'})
    )
    assert not TaskRecord.objects.exists()


def test_a_second_job_of_a_unique_task_is_refused_in_words(admin_client: Client) -> None:
    data = {"task": close_year.name, "arguments": '{"year": 2026}'}
    admin_client.post(RUN, data)
    page = admin_client.post(RUN, data)
    assert "This is enqueued already, as job " in text_of(page)
    assert TaskRecord.objects.count() == 1


def test_arguments_are_not_in_the_log_of_the_admin(admin_client: Client) -> None:
    arguments = '{"user": "ada", "password": "s3cr3t"}'
    page = admin_client.post(RUN, {"task": login.name, "arguments": arguments}, follow=True)
    assert "s3cr3t" not in page.content.decode()
    assert "s3cr3t" not in LogEntry.objects.get().change_message


def test_to_run_takes_a_post_a_token_a_permission_and_a_task(
    admin_client: Client, staff_client: Callable[..., Client]
) -> None:
    data = {"task": add.name, "arguments": "[1, 2]"}
    assert admin_client.get(RUN, data).status_code == 200
    assert admin_client.post(RUN, {**data, "task": "gone"}).status_code == 404
    assert admin_client.get(RUN).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin_client.cookies
    assert strict.post(RUN, data).status_code == 403
    reader = staff_client("view_registeredtask", "view_taskrecord")
    assert "run/" not in reader.get(TASKS).content.decode()
    assert reader.get(RUN, data).status_code == 403
    assert reader.post(RUN, data).status_code == 403
    assert not TaskRecord.objects.exists()


def test_those_who_may_not_look_see_no_tasks(staff_client: Callable[..., Client]) -> None:
    assert staff_client("view_taskrecord").get(TASKS).status_code == 403
