"""The admin of a site whose ledger is no database: Redis, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from flowrra_django import runtime
from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.testing import run_jobs
from tests.admin.support import LIST, WORKERS, text_of
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need, wipe_redis
from tests.testapp.tasks import add, fail, login

HTML = "<script>alert('x')</script>"


@pytest.fixture(params=["memory", "redis"], autouse=True)
def ledger(request: pytest.FixtureRequest, settings: Any, db: None) -> Iterator[None]:
    """Keep jobs outside of the database."""
    url = "memory://admin"
    store: dict[str, str] = {"URL": url}
    if request.param == "redis":
        need("redis")
        config = redis_config()
        store = {"URL": config.url, "NAMESPACE": config.namespace}
        wipe_redis()
    settings.FLOWRRA = {"BACKEND": store}
    yield
    runtime.get_stores().close()
    if request.param == "redis":
        wipe_redis()


@pytest.mark.django_db(transaction=True)
def test_the_latest_jobs_are_listed_and_each_has_its_page(admin_client: Client) -> None:
    jobs = [add.enqueue(1, 2), fail.enqueue(HTML), login.enqueue("ada", password="s3cr3t")]
    run_jobs()
    page = admin_client.get(LIST)
    words = text_of(page)
    assert "filters and search need a ledger in the database" in words
    for job in jobs:
        assert f'href="{LIST}{job.task_id}/change/"' in page.content.decode()
    pages = [admin_client.get(f"{LIST}{job.task_id}/change/") for job in jobs]
    assert "Args: [1,2]" in text_of(pages[0])
    assert "Returned: 3" in text_of(pages[0])
    assert "Error: builtins.ValueError" in text_of(pages[1])
    assert HTML not in pages[1].content.decode()
    assert "s3cr3t" not in pages[2].content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_job_is_looked_up_by_its_id(admin_client: Client) -> None:
    job = add.enqueue(1, 2)
    found = admin_client.get(LIST, {"q": f" {job.task_id} "}, follow=True)
    assert "Status: pending" in text_of(found)
    assert "There is no job with the id gone." in text_of(admin_client.get(LIST, {"q": "gone"}))
    assert admin_client.get(f"{LIST}gone/change/").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_the_page_says_when_a_job_is_due_and_nothing_that_is_not_known(
    admin_client: Client,
) -> None:
    job = add.using(run_after=timedelta(hours=5, seconds=1)).enqueue(1, 2)
    words = text_of(admin_client.get(f"{LIST}{job.task_id}/change/"))
    assert "due in 5 h" in words
    assert "Claim:" not in words
    assert "Kind:" not in words


@pytest.mark.django_db(transaction=True)
def test_the_page_says_that_a_job_which_runs_is_to_be_cancelled(admin_client: Client) -> None:
    job = add.enqueue(1, 2)
    stores = runtime.get_stores()
    stores.backend.enlist(WorkerInfo(worker_id="w", host="web1", pid=7))
    assert stores.backend.claim("w", [job.task_id]).jobs
    job.cancel(by="ada")
    words = text_of(admin_client.get(f"{LIST}{job.task_id}/change/"))
    assert "It was asked to be cancelled by ada." in words


@pytest.mark.django_db(transaction=True)
def test_a_job_is_cancelled_retried_and_deleted_from_its_page(admin_client: Client) -> None:
    job = add.enqueue(1, 2)
    page = f"{LIST}{job.task_id}/"
    assert "Cancelled by root." in text_of(admin_client.post(f"{page}cancel/", follow=True))
    assert "1 job waits again." in text_of(admin_client.post(f"{page}retry/", follow=True))
    admin_client.post(f"{page}delete/", {"post": "yes"})
    assert runtime.get_stores().backend.results([job.task_id]) == {}
    assert LogEntry.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_job_that_waits_for_its_time_is_run_from_its_page(admin_client: Client) -> None:
    job = add.using(run_after=timedelta(hours=1)).enqueue(1, 2)
    page = f"{LIST}{job.task_id}/"
    assert ">Run now</button>" in admin_client.get(f"{page}change/").content.decode()
    assert "1 job is due now" in text_of(admin_client.post(f"{page}run/", follow=True))
    run_jobs()
    assert "Returned: 3" in text_of(admin_client.get(f"{page}change/"))


@pytest.mark.django_db(transaction=True)
def test_the_other_pages_work(admin_client: Client) -> None:
    add.using(queue="mail").enqueue(1, 2)
    runtime.get_stores().backend.enlist(WorkerInfo(worker_id="w", host="web1", pid=7))
    overview = text_of(admin_client.get("/admin/flowrra_django/overview/"))
    assert "Nothing is wrong." in overview
    assert "mail 1 " in overview
    assert "mail 1 " in text_of(admin_client.get("/admin/flowrra_django/queuestate/"))
    assert "web1:7 alive" in text_of(admin_client.get(WORKERS))
    tasks = text_of(admin_client.get("/admin/flowrra_django/registeredtask/"))
    assert "need a ledger in the database" in tasks


def test_those_who_may_not_look_see_nothing(staff_client: Callable[..., Client]) -> None:
    assert staff_client("view_overview").get(LIST).status_code == 403
