from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from flowrra_django import runtime
from flowrra_django.models import TaskRecord
from tests.admin.support import LIST, make_pending, make_running, make_worker, text_of

QUEUES = "/admin/flowrra_django/queuestate/"
HTML = "<script>alert('x')</script>"
ODD = "naïve/queue ?&=1"


def act(client: Client, what: str, **data: str) -> str:
    """Post, and return what the page says afterwards."""
    return text_of(client.post(f"{QUEUES}{what}/", data, follow=True))


def paused() -> set[str]:
    return runtime.get_stores().backend.paused()


def test_each_queue_is_there_with_what_waits_and_runs(admin_client: Client) -> None:
    make_worker(queues="mail")
    make_pending(queue="mail")
    make_running(queue="mail")
    make_pending(queue="reports")
    body = admin_client.get(QUEUES)
    for row in (r"mail 1 3 min 1 1 \S+ 0 - Pause Purge …", r"reports 1 3 min 0 0 \S+ 0 - Pause"):
        assert re.search(row, text_of(body))
    assert f'href="{LIST}?queue=mail"' in body.content.decode()


@pytest.mark.parametrize("name", ["mail", ODD])
def test_a_queue_is_paused_and_resumed_and_that_is_logged(admin_client: Client, name: str) -> None:
    assert f"Queue {name!r} is paused" in act(admin_client, "pause", queue=name)
    assert paused() == {name}
    assert f"{name} paused" in text_of(admin_client.get(QUEUES))
    assert f"Queue {name!r} goes on." in act(admin_client, "resume", queue=name)
    assert paused() == set()
    logged = [
        (entry.object_repr, entry.change_message) for entry in LogEntry.objects.order_by("pk")
    ]
    assert logged == [(name, "Paused."), (name, "Resumed.")]


@pytest.mark.parametrize("name", ["mail", ODD])
def test_a_queue_is_purged_once_its_name_was_typed(admin_client: Client, name: str) -> None:
    waiting = [make_pending(queue=name) for _ in range(3)]
    other, running = make_pending(queue="other"), make_running(queue=name)
    question = text_of(admin_client.get(f"{QUEUES}purge/", {"queue": name}))
    assert f"Jobs that wait on queue {name} : 3." in question
    for typed in ("", "MAIL", "yes"):
        told = text_of(admin_client.post(f"{QUEUES}purge/", {"queue": name, "typed": typed}))
        assert "That is not the name of the queue. Nothing was cancelled." in told
    assert not TaskRecord.objects.filter(status="cancelled").exists()
    assert "3 jobs were cancelled." in act(admin_client, "purge", queue=name, typed=name)
    cancelled = set(TaskRecord.objects.filter(status="cancelled"))
    assert cancelled == set(waiting)
    assert {job.cancelled_by for job in cancelled} == {"root"}
    assert {job.status for job in TaskRecord.objects.filter(pk__in=[other.pk, running.pk])} == {
        "pending", "running",
    }  # fmt: skip
    assert LogEntry.objects.get().change_message == "Purged: 3 jobs were cancelled."


def test_nothing_is_done_by_get_or_without_a_name(admin_client: Client) -> None:
    make_pending(queue="mail")
    for what in ("pause", "resume"):
        assert admin_client.get(f"{QUEUES}{what}/", {"queue": "mail"}).status_code == 405
    admin_client.get(f"{QUEUES}purge/", {"queue": "mail", "typed": "mail"})
    for what in ("pause", "resume", "purge"):
        assert admin_client.post(f"{QUEUES}{what}/").status_code == 302
    assert paused() == set()
    assert not TaskRecord.objects.filter(status="cancelled").exists()


def test_nothing_is_done_without_a_token(admin_client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin_client.cookies
    for what in ("pause", "purge"):
        response = strict.post(f"{QUEUES}{what}/", {"queue": "mail", "typed": "mail"})
        assert response.status_code == 403
    assert paused() == set()


@pytest.mark.parametrize(
    ("codenames", "allowed"),
    [
        (["view_queuestate"], set()),
        (["view_queuestate", "pause_queuestate"], {"pause", "resume"}),
        (["view_queuestate", "purge_queuestate"], {"purge"}),
        (["view_overview", "retry_taskrecord", "delete_taskrecord"], set()),
    ],
)
def test_each_act_has_a_permission_of_its_own(
    staff_client: Callable[..., Client], codenames: list[str], allowed: set[str]
) -> None:
    client = staff_client(*codenames)
    page = client.get(QUEUES)
    assert page.status_code == (200 if "view_queuestate" in codenames else 403)
    for what in ("pause", "resume", "purge"):
        assert (f"/{what}/" in page.content.decode()) is (what in allowed - {"resume"})
        response = client.post(f"{QUEUES}{what}/", {"queue": "mail", "typed": "mail"})
        assert response.status_code == (302 if what in allowed else 403)


def test_html_in_the_name_of_a_queue_is_shown_as_text(admin_client: Client) -> None:
    make_pending(queue=HTML)
    pages = [
        admin_client.get(QUEUES),
        admin_client.get(f"{QUEUES}purge/", {"queue": HTML}),
        admin_client.post(f"{QUEUES}pause/", {"queue": HTML}, follow=True),
        admin_client.get("/admin/"),
    ]
    for page in pages:
        assert HTML not in page.content.decode()
