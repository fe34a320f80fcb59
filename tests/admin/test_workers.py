from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from flowrra_django import runtime
from flowrra_django.models import WorkerProcess
from tests.admin.support import (
    LIST,
    WORKERS,
    listed,
    make_record,
    make_running,
    make_worker,
    text_of,
)


def test_a_worker_says_where_it_is_and_when_it_last_beat(admin_client: Client) -> None:
    make_worker(
        host="web1",
        pid=4711,
        queues="default, mail",
        version="0.1.0",
        memory=64 * 2**20,
        beat_at=timezone.now() - timedelta(seconds=7),
    )
    page = text_of(admin_client.get(WORKERS))
    for words in ("web1:4711", "alive 7.", " s ago", "default, mail", "0.1.0", "64.0 MB"):
        assert words in page


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "1 thread goes on with jobs that were given up."),
        (3, "3 threads go on with jobs that were given up."),
    ],
)
def test_a_worker_says_how_many_of_its_threads_were_abandoned(
    admin_client: Client, number: int, words: str
) -> None:
    make_worker(abandoned=number)
    assert words in text_of(admin_client.get(WORKERS))


@pytest.mark.parametrize(
    ("seconds", "words"), [(9, "alive 9"), (20, "late 2"), (31, "silent 3"), (3_601, "silent 1 h")]
)
def test_a_worker_that_is_silent_for_too_long_is_marked(
    admin_client: Client, seconds: int, words: str
) -> None:
    make_worker(beat_at=timezone.now() - timedelta(seconds=seconds))
    assert words in text_of(admin_client.get(WORKERS))


def test_a_worker_leads_to_what_it_runs_now(admin_client: Client) -> None:
    make_worker(worker_id="w1")
    make_worker(worker_id="w2")
    mine = [make_running(worker="w1") for _ in range(7)]
    make_running(worker="w2")
    make_record(worker="w1")
    page = admin_client.get(WORKERS).content.decode()
    link = f"{LIST}?worker=w1&status=running"
    assert f'<a href="{link.replace("&", "&amp;")}">2 more</a>' in page
    assert page.count("shop.tasks.send</a> for 2 min") == 6
    assert listed(admin_client.get(link)) == [job.pk for job in reversed(mine)]


def test_a_worker_can_be_asked_to_end_and_that_is_logged(admin_client: Client) -> None:
    make_worker(worker_id="w1", host="web1", pid=7)
    make_worker(worker_id="w2")
    told = text_of(admin_client.post(f"{WORKERS}drain/", {"worker": "w1"}, follow=True))
    assert "Worker web1:7 takes no more jobs" in told
    assert "web1:7 draining" in told
    backend = runtime.get_stores().backend
    assert [backend.orders(worker).is_to_end for worker in ("w1", "w2")] == [True, False]
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == ("web1:7", "Drained.")


@pytest.mark.parametrize("worker", ["", "gone"])
def test_a_worker_that_is_not_up_cannot_be_asked(admin_client: Client, worker: str) -> None:
    told = text_of(admin_client.post(f"{WORKERS}drain/", {"worker": worker}, follow=True))
    assert "That worker is not up any more." in told
    assert not LogEntry.objects.exists()


def test_to_drain_takes_a_post_a_token_and_a_permission(
    admin_client: Client, staff_client: Callable[..., Client]
) -> None:
    make_worker()
    assert admin_client.get(f"{WORKERS}drain/", {"worker": "w1"}).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin_client.cookies
    assert strict.post(f"{WORKERS}drain/", {"worker": "w1"}).status_code == 403
    reader = staff_client("view_workerprocess")
    assert "drain/" not in reader.get(WORKERS).content.decode()
    assert reader.post(f"{WORKERS}drain/", {"worker": "w1"}).status_code == 403
    assert not WorkerProcess.objects.get().is_draining


def test_workers_are_neither_added_nor_changed_nor_deleted(admin_client: Client) -> None:
    make_worker()
    for url in (f"{WORKERS}add/", f"{WORKERS}w1/delete/", f"{WORKERS}w1/change/"):
        assert admin_client.get(url).status_code == 404
    assert "delete_selected" not in admin_client.get(WORKERS).content.decode()


def test_html_in_what_a_worker_says_of_itself_is_shown_as_text(admin_client: Client) -> None:
    make_worker(host="<b>web</b>", queues="<b>q</b>", worker_id="<b>")
    for _ in range(6):
        make_running(worker="<b>", task_name="<b>t</b>")
    page = admin_client.get(WORKERS).content.decode()
    assert "<b>" not in page
    assert f"{LIST}?worker=%3Cb%3E" in page


def test_those_who_may_not_look_see_no_workers(staff_client: Callable[..., Client]) -> None:
    assert staff_client("view_taskrecord").get(WORKERS).status_code == 403
