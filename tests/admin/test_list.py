from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from flowrra_django.admin import newest
from flowrra_django.backends.database import browsing
from flowrra_django.models import TaskRecord
from tests.admin.support import (
    LIST,
    listed,
    make_pending,
    make_record,
    make_running,
    make_worker,
    page_of,
    statements,
    text_of,
)
from tests.benchmarks.filling import fill

HTML = "<script>alert('x')</script>"


def test_the_newest_jobs_come_first_whatever_order_the_url_asks_for(admin_client: Client) -> None:
    jobs = [make_record(task_name=name) for name in "bca"]
    expected = [job.pk for job in reversed(jobs)]
    assert listed(admin_client.get(LIST)) == expected
    assert listed(admin_client.get(LIST, {"o": "2"})) == expected


def test_a_row_says_what_became_of_a_job(admin_client: Client) -> None:
    now = timezone.now()
    make_record(
        task_name="shop.tasks.send",
        queue="mail",
        status="failed",
        submitted_at=now - timedelta(minutes=10),
        started_at=now - timedelta(minutes=6),
        finished_at=now - timedelta(minutes=6) + timedelta(milliseconds=250),
        failures=4,
    )
    page = admin_client.get(LIST)
    assert "failed shop. tasks. send mail" in text_of(page)
    assert "4 min 250 ms 3 " in text_of(page)
    assert 'class="flowrra-status flowrra-failed"' in page.content.decode()
    assert "flowrra_django/admin.css" in page.content.decode()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"status": "pending"}, "3 min so far - 0"),
        ({"status": "pending", "due_at": 7_250}, "due in 2 h - 0"),
        ({"status": "pending", "run_after": -60}, "1 min so far - 0"),
        ({"status": "running", "started_at": -120, "worker": "w1"}, "1 min 2 min so far 0"),
        ({"status": "retrying", "started_at": -120, "failures": 1}, "1 min - 1"),
        ({"status": "retrying", "started_at": -120, "due_at": 65, "failures": 1}, "due in 1 min"),
        ({"status": "cancelled", "finished_at": -60}, "2 min - 0"),
        ({"status": "cancelled", "started_at": -120, "finished_at": -60}, "1 min - 0"),
        ({"status": "success", "started_at": -240, "finished_at": -240, "worker": "w1"}, "<1 ms"),
    ],
)
def test_waited_and_ran_are_said_as_far_as_they_are_known(
    admin_client: Client, given: dict[str, object], words: str
) -> None:
    now = timezone.now()
    moments = {
        name: now + timedelta(seconds=value) if isinstance(value, int) and "_" in name else value
        for name, value in given.items()
    }
    make_pending(submitted_at=now - timedelta(minutes=3), **moments)
    said = text_of(admin_client.get(LIST))
    for second in range(1, 9):  # the page was made that much later
        said = said.replace(f" {second}.0 s", "").replace(f" min {second} s", " min")
    assert words in said.replace(" 59 min 59 s", "").replace("2 h 50 s", "2 h")


def test_a_row_is_read_without_what_the_list_does_not_show(admin_client: Client) -> None:
    make_record()
    with statements() as seen:
        assert admin_client.get(LIST).status_code == 200
    quoted = connection.ops.quote_name
    rows = [sql for sql, _ in seen if quoted("task_name") in sql]
    assert len(rows) == 1
    for column in ("args", "kwargs", "result", "error", "traceback", "history", "meta"):
        assert quoted(column) not in rows[0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "failed"}, [3]),
        ({"queue": "mail"}, [2, 1]),
        ({"task": "shop.a"}, [3, 2, 0]),
        ({"queue": "mail", "task": "shop.a"}, [2]),
        ({"status": "success", "queue": "mail", "task": "shop.b"}, [1]),
        ({"status": "failed", "queue": "mail"}, []),
        ({"status": "no such status"}, []),
        ({"worker": "w1"}, [4, 3, 2, 1, 0]),
        ({"worker": "w1", "status": "running"}, [4]),
        ({"worker": "gone"}, []),
        ({"worker": "gone", "status": "running"}, []),
        ({"since": "day"}, [4, 3, 2, 1]),
        ({"since": "hour"}, [4, 3, 2]),
        ({"since": "day", "queue": "mail"}, [2, 1]),
        ({"since": "no such time"}, [4, 3, 2, 1, 0]),
        ({"retried": "yes"}, [3, 0]),
        ({"retried": "yes", "since": "hour"}, [3]),
        ({"retried": "no"}, [4, 3, 2, 1, 0]),
        ({"q": "shop.b", "queue": "mail"}, [1]),
        ({"q": "shop.", "task": "shop.b"}, [1]),
        ({"q": "mail.", "task": "shop.b"}, []),
        ({"q": "  shop. "}, [3, 2, 1, 0]),
        ({"q": "hop.a"}, []),
        ({"q": "SHOP.A"}, []),
        ({"q": "shop_a"}, []),
        ({"q": "%"}, []),
        ({"q": "\N{PILE OF POO}"}, []),
    ],
)
def test_the_list_is_narrowed_by_filters_and_the_beginning_of_a_name(
    admin_client: Client, query: dict[str, str], expected: list[int]
) -> None:
    now = timezone.now()
    jobs = [
        make_record(task_name="shop.a", submitted_at=now - timedelta(days=2), attempts=3),
        make_record(task_name="shop.b", queue="mail", submitted_at=now - timedelta(hours=2)),
        make_record(task_name="shop.a", queue="mail"),
        make_record(task_name="shop.a", status="failed", attempts=2),
        make_running(task_name="mail.a"),
    ]
    assert listed(admin_client.get(LIST, query)) == [jobs[at].pk for at in expected]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"submitted_from": "2026-05-01T12:00"}, [3, 2, 1]),
        ({"submitted_from": "2026-05-01T12:00:01"}, [3, 2]),
        ({"submitted_until": "2026-05-01T12:00"}, [0]),
        ({"submitted_from": "2026-05-01", "submitted_until": "2026-05-02"}, [1, 0]),
        ({"submitted_from": "2026-05-01T12:00", "since": "hour"}, []),
        ({"submitted_from": "2026-05-01T12:00+00:00"}, [3, 2]),
        ({"submitted_from": "2026-05-01T09:59+00:00"}, [3, 2, 1]),
        ({"finished_from": "2026-05-01T12:30"}, [2, 0]),
        ({"finished_until": "2026-05-02T08:59", "queue": "mail"}, [1]),
        ({"finished_from": "2026-05-03", "finished_until": "2026-05-02"}, []),
        ({"finished_from": "", "finished_until": ""}, [3, 2, 1, 0]),
    ],
)
def test_the_list_is_narrowed_to_a_time_as_the_reader_s_clock_shows_it(
    admin_client: Client, query: dict[str, str], expected: list[int]
) -> None:
    day, hour = datetime(2026, 5, 1, tzinfo=UTC), timedelta(hours=1)
    jobs = [
        make_record(submitted_at=day + 9 * hour, finished_at=day + 11 * hour),
        make_record(submitted_at=day + 10 * hour, finished_at=day + 10.2 * hour, queue="mail"),
        make_record(submitted_at=day + 30 * hour, finished_at=day + 31 * hour, queue="mail"),
        make_pending(submitted_at=day + 31 * hour),
    ]
    with timezone.override("Europe/Berlin"):  # two hours before UTC in May
        assert listed(admin_client.get(LIST, query)) == [jobs[at].pk for at in expected]


@pytest.mark.parametrize("text", ["soon", "0001-01-01", "9999-12-31T23:59", "2026-13-01", "\0"])
def test_a_time_that_cannot_be_read_is_told_and_widens_nothing(
    admin_client: Client, text: str
) -> None:
    make_record()
    for name in ("submitted_from", "submitted_until", "finished_from", "finished_until"):
        page = admin_client.get(LIST, {name: text})
        assert listed(page) == []
        assert "is no date and time. Write them as 2026-05-01T12:00." in text_of(page)


def test_a_date_alone_is_shown_as_an_input_for_a_time_takes_it(admin_client: Client) -> None:
    page = admin_client.get(LIST, {"finished_until": "2026-05-01"}).content.decode()
    assert 'id="flowrra-finished_until" name="finished_until" value="2026-05-01T00:00:00"' in page


def test_the_form_of_a_time_keeps_what_else_was_chosen_and_so_do_the_links(
    admin_client: Client,
) -> None:
    make_record(task_name="shop.a")
    query = {"status": "success", "q": "shop", "submitted_from": "2026-05-01T12:00"}
    page = admin_client.get(LIST, query).content.decode()
    first, second = page.split('class="flowrra-range"')[1:]
    first, second = (form.split("</form>")[0] for form in (first, second))
    for form in (first, second):
        assert '<input type="hidden" name="status" value="success">' in form
        assert '<input type="hidden" name="q" value="shop">' in form
    shown = 'id="flowrra-submitted_from" name="submitted_from" value="2026-05-01T12:00:00"'
    assert shown in first
    assert '<input type="hidden" name="submitted_from" value="2026-05-01T12:00">' in second
    assert 'href="?q=shop&amp;status=success"' in first
    assert "Any time" not in second
    for label in ("submitted_from", "submitted_until", "finished_from", "finished_until"):
        assert f'<label for="flowrra-{label}">' in page
    other = "?q=shop&amp;status=failed&amp;submitted_from=2026-05-01T12%3A00"
    assert f'href="{other}"' in page


def test_a_job_is_found_by_its_id_if_the_filters_let_it_pass(admin_client: Client) -> None:
    job, _ = make_record(), make_record()
    assert listed(admin_client.get(LIST, {"q": job.task_id})) == [job.pk]
    assert listed(admin_client.get(LIST, {"q": job.task_id, "status": "success"})) == [job.pk]
    assert listed(admin_client.get(LIST, {"q": job.task_id, "status": "failed"})) == []
    assert listed(admin_client.get(LIST, {"q": job.task_id, "task": "shop.x"})) == []
    assert listed(admin_client.get(LIST, {"q": job.task_id, "worker": "w2"})) == []
    assert listed(admin_client.get(LIST, {"q": job.task_id[:-1]})) == []


def test_the_filters_offer_what_there_is(admin_client: Client) -> None:
    for queue, name in (("mail", "shop.b"), ("default", "shop.a"), ("mail", "shop.a")):
        make_record(queue=queue, task_name=name)
    make_worker(worker_id="w7")
    filters = admin_client.get(LIST).context["cl"].filter_specs
    assert {
        spec.title: [value for value, _ in getattr(spec, "lookup_choices", [])] for spec in filters
    } == {
        "status": ["pending", "running", "retrying", "success", "failed", "cancelled"],
        "submitted": ["hour", "day", "week"],
        "time of submission": [],
        "time of the end": [],
        "queue": ["default", "mail"],
        "task": ["shop.a", "shop.b"],
        "worker": ["w7"],
        "retried": ["yes"],
    }


def test_a_list_of_many_jobs_stops_at_ten_thousand_and_says_so(admin_client: Client) -> None:
    fill(10_300)
    page = admin_client.get(LIST)
    said = "More than 10,000 task results fit. The newest 10,000 are here"
    assert said in text_of(page)
    assert page.context["cl"].result_count == 10_000
    newest_pk = TaskRecord.objects.latest("pk").pk
    last = listed(admin_client.get(LIST, {"p": 100}))
    assert last == list(range(newest_pk - 9_900, newest_pk - 10_000, -1))
    assert said not in text_of(admin_client.get(LIST, {"status": "failed"}))


def test_a_page_that_is_not_there_leads_back_to_the_list(admin_client: Client) -> None:
    make_record()
    assert admin_client.get(LIST, {"p": 2}).headers["Location"] == f"{LIST}?e=1"
    assert len(listed(admin_client.get(LIST, {"e": 1}))) == 1


def test_a_search_that_does_not_look_at_all_jobs_says_so(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 2)
    for name in ("shop.a", "shop.b", "mail.a", "mail.b"):
        make_record(task_name=name)
        make_record(task_name=name)
    page = text_of(admin_client.get(LIST, {"q": "shop", "status": "success"}))
    assert "were looked through for those that fit all" in page
    assert "looked through" not in text_of(admin_client.get(LIST, {"status": "success"}))


def test_a_search_that_many_names_begin_with_takes_the_first_ones_and_says_so(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "NAMES", 2)
    jobs = [make_record(task_name=f"shop.{name}") for name in "abc"]
    page = admin_client.get(LIST, {"q": "shop"})
    assert "More than 2 tasks have names that begin with “shop”" in text_of(page)
    assert listed(page) == [jobs[1].pk, jobs[0].pk]


@pytest.mark.parametrize("lookup", ["args__contains", "traceback", "status__exact", "pk__gt"])
def test_no_field_can_be_asked_for_in_the_url(
    admin_client: Client, lookup: str, caplog: pytest.LogCaptureFixture
) -> None:
    make_record()
    assert admin_client.get(LIST, {lookup: "1"}).status_code == 400


def test_html_in_names_is_shown_as_text(admin_client: Client) -> None:
    make_record(task_name=HTML, queue=HTML, status="failed")
    for query in ({}, {"q": HTML}, {"task": HTML, "queue": HTML}):
        page = admin_client.get(LIST, query)
        assert len(listed(page)) == 1
        assert HTML not in page.content.decode()
        assert HTML in text_of(page).replace(". ", ".")


def test_jobs_are_neither_added_nor_changed(admin_client: Client) -> None:
    job = make_record()
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(page_of(job), {"status": "failed"}).status_code == 403
    assert list(TaskRecord.objects.values_list("status", flat=True)) == ["success"]


def test_those_who_may_only_look_are_offered_nothing_else(
    staff_client: Callable[..., Client],
) -> None:
    job = make_record()
    client = staff_client("view_taskrecord")
    for url in (LIST, page_of(job)):
        page = text_of(client.get(url))
        assert "Retry" not in page
        assert "Delete" not in page


def test_those_who_may_not_look_see_nothing(staff_client: Callable[..., Client]) -> None:
    job = make_record()
    client = staff_client("view_workerprocess")
    assert client.get(LIST).status_code == 403
    assert client.get(page_of(job)).status_code == 403


def test_a_row_says_which_error_a_job_met(admin_client: Client) -> None:
    make_record(task_name="shop.a", status="failed", error_type="builtins.LookupError")
    make_record(task_name="shop.b", status="retrying", error_type="httpx.ConnectTimeout")
    make_record(task_name="shop.c", error_type="builtins.ValueError")  # of an earlier attempt
    words = text_of(admin_client.get(LIST))
    assert "failed shop. a LookupError default" in words
    assert "retrying shop. b httpx. ConnectTimeout default" in words
    assert "ValueError" not in words
