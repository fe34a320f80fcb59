from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flowrra_django.history import with_attempt
from flowrra_django.job import ErrorInfo, Job, Kind
from tests.admin.support import (
    LIST,
    make_pending,
    make_record,
    make_running,
    page_of,
    statements,
    text_of,
)
from tests.testapp.tasks import login

HTML = "<script>alert('x')</script>"


def history(*messages: str) -> str:
    """Return the text that the engine would have written of attempts that went wrong."""
    text = "[]"
    for number, message in enumerate(messages, 1):
        job = Job(
            task_id="1",
            task_name="t",
            kind=Kind.IO,
            args="",
            kwargs="",
            attempts=number,
            history=text,
            started_at=timezone.now(),
        )
        error = ErrorInfo(message, "builtins.OSError", f"Traceback of {message}")
        text = with_attempt(job, error, "worker-7", 1.5)
    return text


def test_a_page_answers_in_the_order_in_which_one_asks(admin_client: Client) -> None:
    job = make_record(
        status="failed",
        error_type="builtins.OSError",
        error="no route",
        traceback="Traceback of it",
        history=history("no route"),
        args="[1]",
        kwargs='{"to": "x"}',
        result="null",
    )
    page = text_of(admin_client.get(page_of(job)))
    order = [
        "What happened", "Status: failed", "Error: builtins.OSError no route",
        "Traceback: Traceback of it", "Attempts that went wrong: Attempt Started Ran Worker 1",
        "What was called", "Task: shop.tasks.send", "Args: [1]", 'Kwargs: {"to":"x"}', "Result",
        "Returned: null", "Times", "Submitted:", "Started:", "Finished:", "Waited: 1 min",
        "Ran: 1 min", "Where", f"Id: {job.task_id}", "Queue: default", "Kind: thread",
        "Priority: 0", "Worker: w1", "Attempts: 1", "Failures: 0", "Crashes: 0", "Claim: 1",
    ]  # fmt: skip
    places = [page.find(words) for words in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


def test_what_a_job_does_not_have_takes_no_room(admin_client: Client) -> None:
    page = text_of(admin_client.get(page_of(make_pending())))
    for words in ("Error:", "Traceback:", "Attempts that went wrong", "Returned", "To run after"):
        assert words not in page
    assert "Started: - " in page


def test_the_attempts_that_went_wrong_are_told_the_last_one_first(admin_client: Client) -> None:
    job = make_record(status="failed", history=history("first", "second"))
    page = admin_client.get(page_of(job))
    said = text_of(page)
    second, first = said.index("OSError second"), said.index("OSError first")
    assert second < first
    assert "1.5 s worker-7 builtins.OSError first Traceback Traceback of first" in said
    assert page.content.decode().count("<summary>Traceback</summary>") == 2


def test_the_long_error_of_an_attempt_is_folded(admin_client: Client) -> None:
    job = make_record(status="failed", history=history("boom\n" * 2_000))
    assert "10,000 characters: boom boom" in text_of(admin_client.get(page_of(job)))


@pytest.mark.parametrize(
    "broken",
    ["", "no JSON", "7", "[7]", '{"a": 1}', '[{"started_at": "x"}]', '[{"started_at": 7}]'],
)
def test_a_history_that_is_malformed_is_shown_as_it_stands(
    admin_client: Client, broken: str
) -> None:
    page = text_of(admin_client.get(page_of(make_record(history=broken))))
    assert f"Attempts that went wrong: {broken}".strip() in page


@pytest.mark.parametrize("raw", ["", "no <b>JSON</b>", "[1, 2", "\x07"])
def test_values_that_are_no_json_are_shown_as_they_stand(admin_client: Client, raw: str) -> None:
    job = make_record(args=raw, kwargs=raw, result=raw)
    page = admin_client.get(page_of(job))
    assert "What was called" in text_of(page)
    assert "<b>JSON</b>" not in page.content.decode()
    assert raw.strip("\x07") in page.content.decode().replace("&lt;", "<").replace("&gt;", ">")


def test_json_that_is_not_short_is_spread_over_lines(admin_client: Client) -> None:
    value = {"lines": [{"sku": f"A-{number}", "count": number} for number in range(5)]}
    page = admin_client.get(page_of(make_record(kwargs=json.dumps(value))))
    spread = json.dumps(value, indent=2).replace('"', "&quot;")
    assert f'<pre class="flowrra-text" tabindex="0">{spread}</pre>' in page.content.decode()


def test_long_values_are_folded_and_very_long_ones_cut(admin_client: Client) -> None:
    job = make_record(args=json.dumps(["x" * 500_000]), error="boom\n" * 2_000, error_type="E")
    page = admin_client.get(page_of(job))
    assert len(page.content) < 200_000
    said = text_of(page)
    assert '500,008 characters: [ "xxxx' in said
    assert "400,008 more characters are not shown." in said
    assert "10,000 characters: boom boom" in said


def test_what_json_has_no_form_for_is_shown_as_it_is_kept_and_nothing_is_loaded(
    admin_client: Client,
) -> None:
    job = make_record(args='[{"!": "model", "v": ["auth.user", 7, "default"]}]')
    with statements() as seen:
        page = text_of(admin_client.get(page_of(job)))
    assert '[{"!":"model","v":["auth.user",7,"default"]}]' in page
    assert not [params for _, params in seen if params == (7, 21)]


def test_everything_that_comes_from_a_job_is_shown_as_text(admin_client: Client) -> None:
    told = history(HTML).replace("worker-7", HTML).replace("builtins.OSError", HTML)
    columns = ("task_name", "queue", "worker", "error_type", "error", "traceback", "args")
    fields: dict[str, Any] = dict.fromkeys((*columns, "kwargs", "result"), HTML)
    job = make_record(status="failed", history=told, **fields)
    for view in ("change", "delete", "history"):
        page = admin_client.get(page_of(job, view))
        assert page.status_code == 200
        assert HTML not in page.content.decode()
    assert text_of(admin_client.get(page_of(job))).count(HTML) >= 12


def test_a_job_that_was_asked_to_be_cancelled_says_so(admin_client: Client) -> None:
    page = text_of(admin_client.get(page_of(make_running(cancel_requested=True))))
    assert "Status: running It was asked to be cancelled." in page


@pytest.mark.parametrize(("key", "until"), [("ab12", "has ended"), ("start:ab12", "starts")])
def test_a_job_says_until_when_it_is_the_only_one(
    admin_client: Client, key: str, until: str
) -> None:
    page = text_of(admin_client.get(page_of(make_pending(unique_key=key))))
    assert f"not enqueued until this one {until}." in page
    assert "not enqueued" not in text_of(admin_client.get(page_of(make_pending())))


def test_a_job_says_when_it_expires_if_it_does(admin_client: Client) -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    page = text_of(admin_client.get(page_of(make_pending(expires_at=at))))
    assert "Expires unless started: " in page
    assert "2026" in page.partition("Expires unless started: ")[2][:40]
    assert "Expires" not in text_of(admin_client.get(page_of(make_pending())))


def test_times_are_told_in_the_zone_of_the_reader(admin_client: Client) -> None:
    moment = datetime(2026, 7, 1, 12, 0, 1, 250_000, tzinfo=UTC)
    job = make_pending(submitted_at=moment, run_after=moment + timedelta(days=1))
    with timezone.override("Asia/Tokyo"):
        page = text_of(admin_client.get(page_of(job)))
    assert "Submitted: 2026-07-01 21:00:01.250 JST (" in page
    assert "To run after: 2026-07-02 21:00:01.250 JST (" in page


def test_times_are_right_where_the_site_keeps_naive_ones(
    admin_client: Client, settings: Any
) -> None:
    job = make_running(started_at=timezone.now() - timedelta(minutes=2))
    settings.USE_TZ = False
    page = text_of(admin_client.get(page_of(job)))
    assert "Ran: 2 min so far" in page.replace(" 1 s so", " so").replace(" 2 s so", " so")


@pytest.mark.parametrize("status", ["success", "failed", "cancelled"])
def test_a_job_that_ended_can_be_retried_and_deleted(admin_client: Client, status: str) -> None:
    page = admin_client.get(page_of(make_record(status=status)))
    assert ">Retry</button>" in page.content.decode()
    assert "deletelink" in page.content.decode()


@pytest.mark.parametrize(
    ("status", "can_be_deleted"), [("pending", True), ("retrying", True), ("running", False)]
)
def test_a_job_that_has_not_ended_cannot_be_retried_nor_a_running_one_deleted(
    admin_client: Client, status: str, can_be_deleted: bool
) -> None:
    page = admin_client.get(page_of(make_record(status=status, finished_at=None)))
    assert ">Retry</button>" not in page.content.decode()
    assert ("deletelink" in page.content.decode()) is can_be_deleted


def test_those_who_may_retry_are_shown_the_button(staff_client: Callable[..., Client]) -> None:
    job = make_record()
    client = staff_client("view_taskrecord", "retry_taskrecord")
    page = client.get(page_of(job)).content.decode()
    assert ">Retry</button>" in page
    assert "deletelink" not in page


def test_a_job_that_is_gone_leads_back_to_the_start(admin_client: Client) -> None:
    assert admin_client.get("/admin/flowrra_django/taskrecord/7/change/").status_code == 302


def test_what_is_sensitive_is_masked(admin_client: Client) -> None:
    job = make_record(
        task_name=login.name,
        args='["ada", "s3cr3t"]',
        kwargs='{"api_key": "s3cr3t", "to": "x"}',
        result='{"!":"tuple","v":[{"token":"s3cr3t"}]}',
    )
    body = admin_client.get(page_of(job)).content.decode()
    assert "s3cr3t" not in body
    assert "[&quot;ada&quot;,&quot;●●●&quot;]" in body


def test_json_that_is_nested_too_deeply_to_be_masked_is_not_shown(admin_client: Client) -> None:
    job = make_record(result='{"token":' * 900 + '"s3cr3t"' + "}" * 900)
    deep = make_record(result="[" * 1000 + '"s3cr3t"' + "]" * 1000)
    for record in (job, deep, make_record(result="[" * 300 + "]" * 300)):
        assert "s3cr3t" not in text_of(admin_client.get(page_of(record)))


def test_progress_is_told_to_the_last_of_many(admin_client: Client) -> None:
    told = {"done": 1_234_567, "total": 2_000_000, "message": "", "at": "2026-01-01T00:00:00Z"}
    words = text_of(admin_client.get(page_of(make_running(progress=told))))
    assert "1,234,567 of 2,000,000" in words


def test_progress_is_shown_as_a_bar_and_in_words(admin_client: Client) -> None:
    told = {"done": 30, "total": 120, "message": HTML, "at": timezone.now().isoformat()}
    body = admin_client.get(page_of(make_running(progress=told)))
    assert f"Progress: 30 of 120 {HTML}" in text_of(body)
    assert 'max="1" value="0.2500"' in body.content.decode()
    assert HTML not in body.content.decode()
    endless = make_running(progress={**told, "total": None})
    assert f"Progress: 30 {HTML}" in text_of(admin_client.get(page_of(endless)))


@pytest.mark.parametrize(
    "told", [7, "x", [], {"done": "x"}, {"done": "x", "total": 1, "message": 1}]
)
def test_progress_that_is_none_is_not_shown(admin_client: Client, told: Any) -> None:
    assert "of 1" not in text_of(admin_client.get(page_of(make_running(progress=told))))


def test_the_lines_that_a_job_left_are_shown_with_their_time(admin_client: Client) -> None:
    at = datetime(2026, 1, 2, 12, 30, 15, tzinfo=UTC).isoformat()
    lines = [{"at": at, "attempt": number, "text": f"line {number} {HTML}"} for number in (1, 2)]
    page = admin_client.get(page_of(make_record(log=json.dumps(lines))))
    assert f"Log: 13:30:15 [attempt 1] line 1 {HTML} 13:30:15 [attempt 2] line 2" in text_of(page)
    assert HTML not in page.content.decode()


def test_notes_are_shown_and_masked(admin_client: Client) -> None:
    page = text_of(admin_client.get(page_of(make_record(meta={"who": "ada", "token": "s3cr3t"}))))
    assert 'Meta: {"who":"ada","token":"●●●"}' in page
    assert "Meta:" not in text_of(admin_client.get(page_of(make_record())))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"status": "cancelled", "cancelled_by": "ada"}, "cancelled Cancelled by ada."),
        (
            {"status": "cancelled", "cancelled_by": "ada", "was_stopped": True},
            "Cancelled by ada. Its code was stopped.",
        ),
        ({"status": "cancelled", "was_stopped": False}, "Its code could not be stopped."),
        (
            {"status": "running", "cancel_requested": True, "cancelled_by": "ada"},
            "It was asked to be cancelled by ada.",
        ),
        ({"status": "running", "cancel_requested": True}, "It was asked to be cancelled."),
        ({"status": "success", "cancelled_by": "ada"}, "Status: success"),
    ],
)
def test_who_cancelled_a_job_is_told(admin_client: Client, given: Any, told: str) -> None:
    assert told in text_of(admin_client.get(page_of(make_record(**given))))


def test_a_long_traceback_is_folded(admin_client: Client) -> None:
    job = make_record(status="failed", error_type="builtins.OSError", traceback="line\n" * 50)
    assert "characters: line" in text_of(admin_client.get(page_of(job)))


def test_a_job_is_found_by_its_id_too(admin_client: Client) -> None:
    job = make_record()
    assert job.task_id in text_of(admin_client.get(f"{LIST}{job.task_id}/change/"))
    for unknown in ("f" * 32, "9" * 32, "9" * 19):
        assert admin_client.get(f"{LIST}{unknown}/change/").status_code == 302
