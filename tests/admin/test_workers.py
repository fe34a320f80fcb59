from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

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
        kinds="io, cpu",
        version="0.1.0",
        beat_at=timezone.now() - timedelta(seconds=7),
    )
    for url in (WORKERS, f"{WORKERS}w1/change/"):
        page = text_of(admin_client.get(url))
        for words in ("web1:4711", "alive 7.", " s ago", "default, mail", "io, cpu", "0.1.0"):
            assert words in page


@pytest.mark.parametrize(
    ("seconds", "words"), [(20, "alive 2"), (31, "silent 3"), (3_601, "silent 1 h")]
)
def test_a_worker_that_is_silent_for_too_long_is_marked(
    admin_client: Client, seconds: int, words: str
) -> None:
    make_worker(beat_at=timezone.now() - timedelta(seconds=seconds))
    assert words in text_of(admin_client.get(WORKERS))


def test_a_worker_leads_to_what_it_runs_now(admin_client: Client) -> None:
    make_worker(worker_id="w1")
    make_worker(worker_id="w2")
    mine = [make_running(worker="w1"), make_running(worker="w1")]
    make_running(worker="w2")
    make_record(worker="w1")
    page = admin_client.get(WORKERS).content.decode()
    link = f"{LIST}?worker=w1"
    assert f'<a href="{link}">2</a>' in page
    assert f'<a href="{LIST}?worker=w2">1</a>' in page
    assert listed(admin_client.get(link)) == [job.pk for job in reversed(mine)]


def test_workers_are_neither_added_nor_changed_nor_deleted(admin_client: Client) -> None:
    make_worker()
    for url in (f"{WORKERS}add/", f"{WORKERS}w1/delete/"):
        assert admin_client.get(url).status_code == 403
    assert admin_client.post(f"{WORKERS}w1/change/", {"host": "x"}).status_code == 403
    page = admin_client.get(WORKERS).content.decode()
    assert "delete_selected" not in page


def test_html_in_what_a_worker_says_of_itself_is_shown_as_text(admin_client: Client) -> None:
    make_worker(host="<b>web</b>", queues="<b>q</b>", worker_id="<b>")
    page = admin_client.get(WORKERS).content.decode()
    assert "<b>" not in page
    assert f"{LIST}?worker=%3Cb%3E" in page


def test_those_who_may_not_look_see_no_workers(staff_client: Callable[..., Client]) -> None:
    assert staff_client("view_taskrecord").get(WORKERS).status_code == 403
