"""Jobs are found by a text in their arguments, or in their error."""

from __future__ import annotations

import pytest
from django.test import Client

from flowrra_django.admin import holding, newest
from tests.admin.support import LIST, listed, make_record, text_of
from tests.testapp.tasks import login


def search(client: Client, text: str, **filters: str) -> list[int]:
    return listed(client.get(LIST, {"q": text, **filters}))


@pytest.mark.parametrize("text", ["4711", " 4711 ", 'is "Ada"', "Ünal", "C:\\temp"])
def test_a_job_is_found_by_an_argument(admin_client: Client, text: str) -> None:
    by_place = make_record(args=r'[4711, "is \"Ada\"", "Ünal"]', kwargs=r'{"at": "C:\\temp"}')
    by_name = make_record(kwargs=r'{"order": 4711, "by": ["is \"Ada\"", "Ünal", "C:\\temp"]}')
    make_record(args="[815]")
    assert search(admin_client, text) == [by_name.pk, by_place.pk]


@pytest.mark.parametrize("text", ["ConnectionError", "refused the “card”", 'in C:\\a "b"'])
def test_a_job_is_found_by_its_error(admin_client: Client, text: str) -> None:
    error = 'It refused the “card” in C:\\a "b".'
    job = make_record(status="failed", error_type="builtins.ConnectionError", error=error)
    make_record(status="failed", error_type="builtins.ValueError", error="no amount")
    assert search(admin_client, text) == [job.pk]


def test_the_filters_hold_for_what_is_found_by_an_argument(admin_client: Client) -> None:
    job = make_record(args="[4711]", queue="mail")
    make_record(args="[4711]", queue="other")
    assert search(admin_client, "4711", queue="mail") == [job.pk]
    assert search(admin_client, "4711", task="shop.tasks.send", queue="mail") == [job.pk]


def test_a_name_that_begins_so_goes_before_arguments(admin_client: Client) -> None:
    job = make_record(task_name="shop.a")
    make_record(task_name="mail.a", args='["shop.a"]')
    assert search(admin_client, "shop.a") == [job.pk]


@pytest.mark.parametrize("text", ["s3cr3t", "s3", "s3%"])
def test_what_is_masked_is_not_found(admin_client: Client, text: str) -> None:
    make_record(task_name=login.name, args='["ada", "s3cr3t"]', kwargs="{}")
    make_record(kwargs='{"deep": [{"api_key": "s3cr3t"}]}')
    make_record(args="no JSON: s3cr3t")
    assert search(admin_client, text) == []


def test_it_says_when_it_has_not_looked_at_all_jobs(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "LOOKED_AT", 2)
    monkeypatch.setattr(newest, "LOOKED_AT", 2)
    old, *new = [make_record(args="[4711]") for _ in range(3)]
    page = admin_client.get(LIST, {"q": "4711"})
    assert listed(page) == [job.pk for job in reversed(new)]
    assert "With filters, older ones may be found." in text_of(page)
    assert old.pk not in listed(page)


def test_it_stops_at_so_many_and_says_so(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "MOST", 2)
    monkeypatch.setattr(newest, "MOST", 2)
    jobs = [make_record(args="[4711]") for _ in range(3)]
    page = admin_client.get(LIST, {"q": "4711"})
    assert listed(page) == [jobs[2].pk, jobs[1].pk]
    assert "With filters, older ones may be found." in text_of(page)


def test_many_jobs_are_looked_at_some_at_a_time(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "AT_ONCE", 2)
    jobs = [make_record(args="[4711]") for _ in range(5)]
    assert search(admin_client, "4711") == [job.pk for job in reversed(jobs)]
