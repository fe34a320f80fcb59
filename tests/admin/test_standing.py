"""What the page of a job says of the workers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flowrra_django import runtime
from tests.admin.support import (
    LIST,
    make_pending,
    make_record,
    make_running,
    make_worker,
    page_of,
    text_of,
)
from tests.testapp.tasks import add

HTML = "<script>alert('x')</script>"


def page(client: Client, record: Any) -> str:
    return text_of(client.get(page_of(record)))


@pytest.mark.parametrize("status", ["pending", "retrying"])
def test_a_job_that_waits_says_that_its_queue_is_paused(admin_client: Client, status: str) -> None:
    make_worker()
    runtime.get_stores().backend.pause("mail")
    job = make_pending(task_name=add.name, queue="mail", status=status)
    assert f"Status: {status} Queue 'mail' is paused. " in page(admin_client, job)


def test_a_job_that_waits_says_that_no_worker_serves_its_queue(admin_client: Client) -> None:
    make_worker(queues="other")
    job = make_pending(task_name=add.name, queue="mail")
    assert "Status: pending No worker serves queue 'mail'. " in page(admin_client, job)


def test_a_silent_worker_serves_nothing(admin_client: Client) -> None:
    make_worker(beat_at=timezone.now() - timedelta(hours=1))
    assert "No worker serves queue" in page(admin_client, make_pending(task_name=add.name))


def test_a_job_whose_task_is_gone_says_so(admin_client: Client) -> None:
    make_worker()
    job = make_pending(task_name="shop.gone")
    assert "Status: pending This site knows no such task. " in page(admin_client, job)


def test_a_job_that_is_due_later_or_has_ended_or_will_be_begun_says_nothing(
    admin_client: Client,
) -> None:
    later = timezone.now() + timedelta(hours=1)
    for job in (make_pending(task_name=add.name, due_at=later, run_after=later), make_record()):
        assert "No worker serves" not in page(admin_client, job)
    make_worker()
    assert "Status: pending What was called" in page(admin_client, make_pending(task_name=add.name))


def test_a_job_names_the_worker_that_runs_it_and_leads_to_its_other_jobs(
    admin_client: Client,
) -> None:
    make_worker(host=HTML, pid=7)
    body = admin_client.get(page_of(make_running(worker="w1")))
    assert f"Worker: w1 ({HTML}:7)" in text_of(body)
    assert HTML not in body.content.decode()
    assert f'href="{LIST}?worker=w1"' in body.content.decode()


def test_a_job_says_that_its_worker_is_gone(admin_client: Client) -> None:
    assert "Worker: w1 (not up any more)" in page(admin_client, make_record(worker="w1"))
