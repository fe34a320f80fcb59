"""Each statement that a page sends to the table of the jobs is answered from an index."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from flowrra_django.backends.database import browsing, sql, walks
from tests.admin.support import (
    LIST,
    Statement,
    make_pending,
    make_record,
    make_running,
    make_worker,
    page_of,
    statements,
)

pytestmark = pytest.mark.sqlite

# Read in the order of the table itself, as far as its limit goes.
IN_ORDER = walks.NEWEST.format(ids=walks.ANY)

# Read whole: it holds no more than what runs now.
OF_A_PART = "USING INDEX flowrra_running"
OF_NAMES = "UNION USING TEMP B-TREE"  # the queues on which jobs wait, of which there are few

ASKED = [
    "",
    "p=2",
    "status=success",
    "queue=mail",
    "task=shop.a",
    "worker=w1",
    "status=success&queue=mail",
    "status=success&task=shop.a",
    "queue=mail&task=shop.a",
    "status=success&queue=mail&task=shop.a",
    "worker=w1&queue=mail",
    "worker=w1&status=running",
    "since=hour",
    "since=week&status=success&queue=mail",
    "submitted_from=2026-05-01T12:00",
    "submitted_from=2026-05-01&submitted_until=2099-05-01&status=success&queue=mail",
    "finished_from=2026-05-01T12:00",
    "finished_from=2026-05-01&finished_until=2099-05-01&status=success",
    "finished_until=2099-05-01&submitted_from=2026-05-01&task=shop.a&worker=w1",
    "finished_until=2099-05-01&q=shop.&queue=mail",
    "retried=yes",
    "retried=yes&since=day&task=shop.a",
    "q=nothing",
    "q=00000000000000000000000000000001",
    "q=shop.a",
    "q=shop.",
    "q=shop.&status=success",
    "q=shop.&queue=mail",
    "q=shop.&status=success&queue=mail",
    "q=shop.&task=shop.a",
]


@pytest.fixture(autouse=True)
def jobs(db: None) -> None:
    make_worker()
    for name in ("shop.a", "shop.b", "mail.a"):
        for queue in ("default", "mail"):
            make_record(task_name=name, queue=queue)
            make_pending(task_name=name, queue=queue)
            make_running(task_name=name, queue=queue)


def plan(statement: Statement) -> list[str]:
    query, parameters = statement
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}", parameters)
        return [row[3] for row in cursor.fetchall()]


def check(seen: list[Statement]) -> None:
    about_jobs = [statement for statement in seen if sql.TABLE in statement[0]]
    assert about_jobs
    for statement in about_jobs:
        steps = plan(statement)
        scans = [step for step in steps if step.startswith(f"SCAN {sql.TABLE}")]
        scans = [step for step in scans if not step.endswith(OF_A_PART)]
        sorts = [step for step in steps if "TEMP B-TREE" in step and step != OF_NAMES]
        allowed = [f"SCAN {sql.TABLE}"] if IN_ORDER in statement[0] else []
        assert (scans, sorts) == (allowed, []), f"{statement}: {steps}"


@pytest.mark.parametrize("window", [2, browsing.WINDOW])
@pytest.mark.parametrize("query", ASKED)
def test_a_list_needs_neither_a_scan_nor_a_sort(
    admin_client: Client, query: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "WINDOW", window)
    with statements() as seen:
        assert admin_client.get(f"{LIST}?{query}").status_code in {200, 302}
    check(seen)


@pytest.mark.parametrize("view", ["change", "history", "delete"])
def test_the_pages_of_a_job_need_neither_a_scan_nor_a_sort(admin_client: Client, view: str) -> None:
    job = make_record()
    with statements() as seen:
        assert admin_client.get(page_of(job, view)).status_code == 200
    check(seen)


@pytest.mark.parametrize("model", ["overview", "queuestate", "registeredtask", "workerprocess"])
def test_the_other_pages_need_neither_a_scan_nor_a_sort(admin_client: Client, model: str) -> None:
    with statements() as seen:
        assert admin_client.get(f"/admin/flowrra_django/{model}/").status_code == 200
    check(seen)


@pytest.mark.parametrize("action", ["retry", "delete_selected"])
def test_to_act_needs_neither_a_scan_nor_a_sort(admin_client: Client, action: str) -> None:
    chosen = [make_record().pk, make_record().pk]
    data = {"action": action, "_selected_action": chosen, "post": "yes"}
    with statements() as seen:
        assert admin_client.post(f"{LIST}?status=success", data).status_code == 302
    check(seen)
    changed = [query for query, _ in seen if query.split()[0] in {"UPDATE", "DELETE"}]
    assert any(sql.TABLE in query for query in changed)


@pytest.mark.parametrize("column", ["queue", "task_name"])
def test_the_choices_of_a_filter_are_jumped_to(column: str) -> None:
    index = {"queue": "flowrra_queue", "task_name": "flowrra_task"}[column]
    with statements() as seen:
        browsing.values("default", column, "", 10)
    steps = " ".join(plan(seen[0]))
    assert f"SEARCH {sql.TABLE} USING COVERING INDEX {index} ({column}>?)" in steps
    check(seen)
