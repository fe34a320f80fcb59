from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from flowrra_django.models import TaskRecord, WorkerProcess
from tests.admin.support import (
    LIST,
    WORKERS,
    listed,
    make_record,
    make_worker,
    page_of,
    statements,
    text_of,
)

LEDGER = "ledger"

pytestmark = pytest.mark.django_db(databases=["default", LEDGER])


@pytest.fixture(autouse=True)
def keep_jobs_there(settings: Any) -> None:
    settings.FLOWRRA = {"BACKEND": f"django://{LEDGER}"}


def test_every_page_shows_and_changes_the_jobs_of_the_ledgers_own_database(
    admin_client: Client,
) -> None:
    elsewhere = make_record()
    jobs = [make_record(using=LEDGER, task_name="shop.a", queue="mail") for _ in range(3)]
    newest_first = [job.pk for job in reversed(jobs)]
    with statements() as seen:
        for query in ({}, {"q": "shop"}, {"status": "success", "queue": "mail"}):
            assert listed(admin_client.get(LIST, query)) == newest_first
        assert listed(admin_client.get(LIST, {"q": jobs[0].task_id})) == [jobs[0].pk]
        assert "shop.a" in text_of(admin_client.get(page_of(jobs[0])))
        admin_client.post(page_of(jobs[0], "retry"))
        admin_client.post(page_of(jobs[1], "delete"), {"post": "yes"})
        data = {"action": "delete_selected", "_selected_action": [jobs[2].pk], "post": "yes"}
        admin_client.post(LIST, data)
    assert [sql for sql, _ in seen if "flowrra_django_taskrecord" in sql] == []
    assert list(TaskRecord.objects.using(LEDGER).values_list("pk", "status")) == [
        (jobs[0].pk, "pending")
    ]
    assert list(TaskRecord.objects.all()) == [elsewhere]
    assert LogEntry.objects.count() == 3


def test_the_workers_are_those_of_the_ledgers_own_database(
    admin_client: Client,
) -> None:
    make_worker(host="elsewhere")
    worker = WorkerProcess.objects.get()
    worker.host = "here"
    worker.save(using=LEDGER, force_insert=True)
    make_record(using=LEDGER, status="running")
    page = admin_client.get(WORKERS)
    assert "here:7" in text_of(page)
    assert "elsewhere" not in text_of(page)
    assert "shop.tasks.send for" in text_of(page)
