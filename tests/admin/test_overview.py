from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from flowrra_django import runtime
from flowrra_django.models import QueueState
from flowrra_django.tally import Minute, bucket_of
from tests.admin.support import (
    LIST,
    make_pending,
    make_record,
    make_running,
    make_worker,
    statements,
    text_of,
)

OVERVIEW = "/admin/flowrra_django/overview/"
HTML = "<script>alert('x')</script>"


def page(client: Client) -> str:
    return text_of(client.get(OVERVIEW))


def test_the_index_of_the_admin_leads_to_it(admin_client: Client) -> None:
    assert f'href="{OVERVIEW}"' in admin_client.get("/admin/").content.decode()
    assert page(admin_client).startswith("Overview")


def test_it_says_first_what_is_wrong(admin_client: Client) -> None:
    make_worker(queues="default", host="web-2", beat_at=timezone.now() - timedelta(seconds=40))
    make_running(worker="w1")
    make_running(worker="w1")
    make_pending(queue="mail")
    make_pending(queue="mail")
    words = page(admin_client)
    assert "2 jobs wait for queue 'mail', which no worker serves." in words
    assert "Worker web-2:7 has been silent for 40 s and held 2 jobs." in words
    assert words.index("which no worker serves") < words.index("Oldest waits for")


def test_with_a_worker_all_is_well(admin_client: Client) -> None:
    make_worker()
    assert "Nothing is wrong." in page(admin_client)


def test_a_queue_tells_what_waits_for_how_long_and_what_runs(admin_client: Client) -> None:
    make_worker(queues="mail")
    make_pending(queue="mail", submitted_at=timezone.now() - timedelta(minutes=2, seconds=5))
    make_pending(queue="mail", submitted_at=timezone.now())
    make_running(queue="mail")
    QueueState.objects.create(name="mail", paused_at=timezone.now())
    body = admin_client.get(OVERVIEW)
    words = text_of(body)
    assert "mail paused 2 2 min 5 s 1 1" in words, words[words.index("Oldest waits") :]
    assert f'href="{LIST}?queue=mail"' in body.content.decode()


def test_a_worker_tells_what_it_is_and_what_it_runs(admin_client: Client) -> None:
    make_worker(host="web1", pid=7, version="1.2.3", memory=50 * 2**20)
    for number in range(7):
        make_running(task_name=f"shop.tasks.send{number}", worker="w1")
    make_running(task_name="shop.other", worker="w2")
    body = admin_client.get(OVERVIEW)
    words = text_of(body)
    for told in ("web1:7", "alive <1 ms ago", "1.2.3", "50.0 MB", "every queue", "2 more"):
        assert told.replace("<1 ms ago", "") in words
    assert "shop.other" not in words
    assert f'href="{LIST}?worker=w1&amp;status=running"' in body.content.decode()


def test_a_job_that_runs_is_led_to_by_its_id(admin_client: Client) -> None:
    make_worker()
    job = make_running(worker="w1")
    address = f"{LIST}{job.task_id}/change/"
    assert f'href="{address}"' in admin_client.get(OVERVIEW).content.decode()
    assert job.task_id in text_of(admin_client.get(address))


def test_what_the_last_hour_and_day_came_to_is_drawn(admin_client: Client) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    ran, waited = {bucket_of(0.02): 1_000}, {bucket_of(2.0): 4}
    runtime.get_stores().backend.add_minutes([
        Minute(now - timedelta(minutes=3), "mail", 1_000, 4, waited, ran),
        Minute(now - timedelta(hours=3), "mail", 500),
    ])  # fmt: skip
    body = admin_client.get(OVERVIEW)
    words = text_of(body)
    assert "Jobs a minute 1,000 done, 4 failed" in words
    assert "Jobs a minute 1,500 done, 4 failed" in words
    assert "Wait p50 1.8 s, p95 1.8 s" in words
    assert "Run time p50 20 ms, p95 20 ms" in words
    assert body.content.decode().count('flowrra-chart"') == 6


def test_before_anything_ran_it_says_so(admin_client: Client) -> None:
    words = page(admin_client)
    assert "Jobs a minute 0 done, 0 failed" in words
    assert "Wait nothing yet" in words
    assert "No worker is up. Start one: python manage.py runflowrra" in words


def test_it_needs_its_permission_and_takes_no_more_than_that(
    staff_client: Callable[..., Client],
) -> None:
    assert staff_client("view_overview").get(OVERVIEW).status_code == 200


def test_without_the_permission_it_is_refused(staff_client: Callable[..., Client]) -> None:
    client = staff_client("view_taskrecord")
    assert client.get(OVERVIEW).status_code == 403
    assert OVERVIEW not in client.get("/admin/").content.decode()


def test_it_has_no_other_pages(admin_client: Client) -> None:
    for view in ("add/", "1/change/", "1/delete/", "1/history/"):
        assert admin_client.get(f"{OVERVIEW}{view}").status_code == 404


def test_html_in_what_jobs_and_workers_say_is_shown_as_text(admin_client: Client) -> None:
    make_worker(host=HTML, version=HTML, queues=HTML)
    make_running(task_name=HTML, queue=HTML)
    make_pending(queue=f"{HTML}2")
    assert HTML not in admin_client.get(OVERVIEW).content.decode()


def test_it_holds_nothing_that_a_strict_policy_refuses(admin_client: Client) -> None:
    make_worker()
    make_running()
    content = admin_client.get(OVERVIEW).content.decode()
    main = content[content.index('id="content"') : content.index('id="footer"')]
    assert "<script" not in main
    assert " style=" not in main
    assert " on" + "click" not in main


@pytest.mark.parametrize("jobs", [0, 30])
def test_it_sends_as_many_statements_however_many_jobs_there_are(
    admin_client: Client, jobs: int
) -> None:
    make_worker()
    for _ in range(jobs):
        make_running()
        make_pending()
        make_record()
    with statements() as seen:
        admin_client.get(OVERVIEW)
    assert len(seen) < 40
