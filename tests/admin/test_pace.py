"""How fast the jobs of a queue come and end."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from flowrra_django import runtime
from flowrra_django.admin.pace import MINUTE, Pace, failing, paces
from flowrra_django.asking import MOST
from flowrra_django.backends.database import browsing
from flowrra_django.tally import Ended, Minute
from tests.admin.support import LIST, make_pending, make_worker, text_of

OVERVIEW = "/admin/flowrra_django/overview/"
QUEUES = "/admin/flowrra_django/queuestate/"


def ended(queue: str, minutes_ago: int, succeeded: int, failed: int = 0) -> None:
    at = datetime.now(UTC).replace(second=0, microsecond=0) - minutes_ago * MINUTE
    runtime.get_stores().backend.add_minutes([Minute(at, queue, succeeded, failed)])


@pytest.mark.parametrize(
    ("waiting", "ended_a_minute", "told"),
    [(0, 5.0, "-"), (300, 0.0, "-"), (300, 100.0, "3 min"), (MOST, 100.0, "more than 1 h 40 min")],
)
def test_it_says_when_what_waits_would_have_ended(
    waiting: int, ended_a_minute: float, told: str
) -> None:
    assert Pace(ended=ended_a_minute).words(waiting)["empty_in"] == told


def test_where_nobody_counts_what_comes_it_says_nothing_of_that() -> None:
    assert Pace(ended=0.4).words(1) == {"came": "-", "ended": "0.4", "empty_in": "2 min 30 s"}


@pytest.mark.django_db
def test_what_came_and_ended_in_the_last_minutes_counts() -> None:
    for minutes in (30, 2, 1, 0):
        make_pending(queue="mail", submitted_at=timezone.now() - minutes * MINUTE)
    ended("mail", 4, 380, 20)
    ended("mail", 30, 10_000)
    pace = paces(["mail", "idle"])["mail"]
    assert 3 / 6 <= pace.came <= 3 / 5
    assert 400 / 6 <= pace.ended <= 400 / 4
    assert paces(["idle"])["idle"] == Pace(0.0, 0.0)


@pytest.mark.django_db
def test_what_comes_is_counted_to_a_limit_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "WINDOW", 2)
    make_pending(queue="mail")
    make_pending(queue="mail")
    assert "or more" not in paces(["mail"])["mail"].words(2)["came"]
    make_pending(queue="mail")
    assert " or more" in paces(["mail"])["mail"].words(3)["came"]


@pytest.mark.django_db
def test_what_began_a_moment_ago_is_not_spread_over_minutes_before_it() -> None:
    ended("mail", 0, 90)
    assert 45 <= paces(["mail"])["mail"].ended <= 90  # a minute may end meanwhile


@pytest.mark.parametrize("address", [OVERVIEW, QUEUES])
def test_the_pages_say_how_fast_a_queue_empties(admin_client: Client, address: str) -> None:
    make_worker()
    for _ in range(90):
        make_pending(queue="imports")
    ended("imports", 0, 30)
    words = text_of(admin_client.get(address))
    shown = re.search(r"imports 90 3 min 0 1 (\S+) (\d+) (\d) min", words)
    assert shown
    assert 15 <= int(shown[1]) <= 18
    assert 15 <= int(shown[2]) <= 30  # a minute may end meanwhile
    assert 3 <= int(shown[3]) <= 6


def test_the_overview_says_of_which_queues_jobs_fail_and_leads_to_them(
    admin_client: Client,
) -> None:
    make_worker()
    ended("pay & go", 3, 7, 2)
    ended("pay & go", 30, 1)
    ended("well", 3, 1_000, 2)
    ended("earlier", 90, 0, 50)
    body = admin_client.get(OVERVIEW)
    assert "2 of 10 jobs of queue 'pay & go' failed in the last hour." in text_of(body)
    assert f'href="{LIST}?queue=pay%20%26%20go&amp;status=failed"' in body.content.decode()
    assert "'well'" not in text_of(body)
    assert "'earlier'" not in text_of(body)
    assert "Nothing is wrong." not in text_of(body)


def test_a_queue_of_which_none_failed_is_no_trouble() -> None:
    assert failing({"mail": Ended(0, 0)}) == []
