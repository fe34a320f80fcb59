"""What is done to all jobs that fit the filters and the search, and not to rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.test import Client
from django.utils import timezone

from flowrra_django import runtime
from flowrra_django.admin import every, newest
from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.backends.database import selecting
from flowrra_django.backends.database.wanted import Wanted
from flowrra_django.context import CurrentJob
from flowrra_django.models import TaskRecord
from flowrra_django.tasks import change_jobs, payload_of
from flowrra_django.testing import run_jobs
from tests.admin.support import LIST, make_pending, make_record, make_running, text_of

pytestmark = pytest.mark.django_db(transaction=True)

MINE = change_jobs.name


def address(act: str) -> str:
    return f"{LIST}every/{act}/"


def do(client: Client, act: str, query: str = "") -> Any:
    return client.post(f"{address(act)}?{query}", follow=True)


def statuses(jobs: list[TaskRecord]) -> list[str]:
    rows = dict(TaskRecord.objects.values_list("pk", "status"))
    return [rows[job.pk] for job in jobs]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave more than two jobs to a worker, and list no more than three."""
    monkeypatch.setattr(every, "AT_ONCE", 2)
    monkeypatch.setattr(every, "LIMIT", 3)
    monkeypatch.setattr(newest, "LIMIT", 3)
    monkeypatch.setattr(selecting, "STEP", 2)


def test_to_select_all_leads_to_a_question_about_the_filters(admin_client: Client) -> None:
    jobs = [make_record(status="failed", queue="mail") for _ in range(2)]
    make_record(status="failed")
    data = {"action": "retry", "_selected_action": [jobs[0].pk], "select_across": 1, "index": 0}
    page = admin_client.post(f"{LIST}?status=failed&queue=mail&p=1", data, follow=True)
    assert page.redirect_chain == [(f"{address('retry')}?status=failed&queue=mail", 302)]
    asked = text_of(page)
    assert "Task results that fit: 2 (status failed; queue mail)." in asked
    assert "A worker does it" not in asked
    assert statuses(jobs) == ["failed"] * 2


@pytest.mark.parametrize(
    ("act", "states", "after"),
    [
        ("retry", {"success", "failed", "cancelled"}, "pending"),
        ("cancel", {"pending", "retrying"}, "cancelled"),
        ("delete", {"success", "failed", "cancelled", "pending", "retrying"}, None),
    ],
)
def test_it_is_done_to_those_in_a_state_for_it(
    admin_client: Client, act: str, states: set[str], after: str | None
) -> None:
    all_states = ("pending", "retrying", "running", "success", "failed", "cancelled")
    jobs = {state: make_record(status=state, queue="mail") for state in all_states}
    other = make_record(status="failed")
    asks_too = act == "cancel"
    count = len(states) + asks_too
    assert f"that fit: {count} (queue mail)." in text_of(
        admin_client.get(address(act), {"queue": "mail"})
    )
    page = do(admin_client, act, "queue=mail")
    assert page.redirect_chain == [(f"{LIST}?queue=mail", 302)]
    assert f": {count}." in text_of(page)
    left = dict(TaskRecord.objects.values_list("pk", "status"))
    for state, job in jobs.items():
        assert left.get(job.pk) == (after if state in states else state)
    assert left[other.pk] == "failed"
    assert LogEntry.objects.count() == count
    assert {e.change_message.partition(", ")[2] for e in LogEntry.objects.all()} == {
        "with all that fit: queue mail."
    }
    assert {e.action_flag == DELETION for e in LogEntry.objects.all()} == {act == "delete"}


def test_a_list_that_ends_before_all_that_fit_offers_them_too(
    admin_client: Client, few: None
) -> None:
    for _ in range(4):
        make_record()
    words = "Select all that fit, also those that are not listed"
    assert words in text_of(admin_client.get(LIST))
    TaskRecord.objects.first().delete()
    assert words not in text_of(admin_client.get(LIST))


def test_what_waits_and_fits_is_run_now(admin_client: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    job, other = make_pending(due_at=later, queue="mail"), make_pending(due_at=later)
    do(admin_client, "run", "queue=mail")
    job.refresh_from_db()
    other.refresh_from_db()
    assert (job.due_at, other.due_at) == (None, later)


def test_more_than_are_listed_are_left_to_a_job_of_any_worker(
    admin_client: Client, few: None
) -> None:
    runtime.get_stores().backend.enlist(WorkerInfo(worker_id="w"))
    jobs = [make_record(status="failed", queue="mail") for _ in range(7)]
    other = make_record(status="failed")
    asked = text_of(admin_client.get(address("retry"), {"queue": "mail"}))
    assert "Task results that fit: more than 3 (queue mail)." in asked
    assert "A worker does it in batches" in asked
    page = do(admin_client, "retry", "queue=mail")
    mine = TaskRecord.objects.get(task_name=MINE)
    assert page.redirect_chain == [(f"{LIST}{mine.pk}/change/", 302)]
    assert "No worker serves" not in text_of(page)
    entry = LogEntry.objects.get()
    assert entry.object_id == str(mine.pk)
    assert entry.change_message == "Asked to retry all that fit: queue mail."
    assert statuses(jobs) == ["failed"] * 7
    run_jobs(until_empty=False)
    mine.refresh_from_db()
    assert mine.status == "success", mine.error
    assert '"changed":7' in mine.result.replace(" ", "")
    assert (mine.progress["done"], mine.progress["total"]) == (7, 7)
    assert statuses([other]) == ["failed"]
    assert set(statuses(jobs)) == {"pending"}


def test_who_asked_is_who_cancelled_and_the_job_itself_is_not_cancelled(
    admin_client: Client, few: None
) -> None:
    jobs = [make_pending(task_name="shop.gone") for _ in range(5)]
    running = make_running(worker="other")
    do(admin_client, "cancel")
    run_jobs(until_empty=False)
    mine = TaskRecord.objects.get(task_name=MINE)
    assert (mine.status, mine.cancelled_by) == ("success", None)
    assert statuses(jobs) == ["cancelled"] * 5
    assert {TaskRecord.objects.get(pk=job.pk).cancelled_by for job in [*jobs, running]} == {"root"}
    running.refresh_from_db()
    assert (running.status, running.cancel_requested) == ("running", True)


def run(act: str, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    job = Told()
    monkeypatch.setattr("flowrra_django.tasks.current_job", lambda: job)
    return change_jobs(act, wanted, "ada")


class Told(CurrentJob):
    """A job whose cancelling is asked for after its first batch."""

    attempt = 2
    lines: list[object]

    def __init__(self) -> None:
        self.lines, self.seen = [], 0

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        self.seen = done

    def log(self, text: object) -> None:
        self.lines.append(text)

    @property
    def cancelled(self) -> bool:
        return False


def test_another_attempt_does_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, admin_client: Client, few: None
) -> None:
    jobs = [make_record(status="failed", task_name="shop.gone") for _ in range(5)]
    do(admin_client, "retry", "status=failed")
    mine = TaskRecord.objects.get(task_name=MINE)
    codec = runtime.get_codec()
    act, wanted, _ = codec.decode(mine.args)
    assert run(act, wanted, monkeypatch) == {"changed": 5, "left": 0}
    now = timezone.now()
    TaskRecord.objects.filter(pk=jobs[0].pk).update(status="failed", finished_at=now)
    late = make_record(status="failed", finished_at=now)
    assert run(act, wanted, monkeypatch) == {"changed": 0, "left": 0}
    assert statuses([jobs[0], late]) == ["failed", "failed"]


def test_it_ends_after_a_batch_once_it_is_to_be_cancelled(
    monkeypatch: pytest.MonkeyPatch, few: None
) -> None:
    jobs = [make_pending() for _ in range(6)]
    monkeypatch.setattr(Told, "cancelled", property(lambda self: self.seen >= 4))
    assert run("cancel", {}, monkeypatch) == {"changed": 4, "left": 0}
    assert statuses(jobs) == ["cancelled"] * 4 + ["pending"] * 2


def test_where_no_worker_is_up_the_pages_say_so(admin_client: Client, few: None) -> None:
    for _ in range(3):
        make_record(status="failed")
    words = "No worker serves queue 'default'."
    assert words in text_of(admin_client.get(address("retry")))
    page = text_of(do(admin_client, "retry"))
    assert f"{words} Nothing happens until then." in page
    assert f"Status: pending {words}" in page


def test_a_queue_is_chosen_that_a_worker_serves(admin_client: Client, few: None) -> None:
    backend = runtime.get_stores().backend
    backend.enlist(WorkerInfo(worker_id="w", queues=("closed", "mail")))
    backend.pause("closed")
    for _ in range(3):
        make_record(status="failed")
    assert "No worker serves" not in text_of(do(admin_client, "retry"))
    assert TaskRecord.objects.get(task_name=MINE).queue == "mail"


def test_a_time_that_cannot_be_read_changes_nothing(admin_client: Client) -> None:
    job = make_record(status="failed")
    for page in (
        admin_client.get(address("retry"), {"finished_from": "soon"}, follow=True),
        do(admin_client, "retry", "finished_from=soon"),
    ):
        assert "“soon” is no date and time." in text_of(page)
    assert statuses([job]) == ["failed"]


def test_a_search_with_too_many_names_changes_nothing(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "NAMES", 1)
    jobs = [make_record(task_name=f"shop.{name}", status="failed") for name in "ab"]
    assert "Narrow the search." in text_of(do(admin_client, "retry", "q=shop"))
    assert statuses(jobs) == ["failed"] * 2
    do(admin_client, "retry", "q=shop.a")
    assert statuses(jobs) == ["pending", "failed"]
    do(admin_client, "retry", f"q={jobs[1].task_id}")
    assert statuses(jobs) == ["pending", "pending"]


def test_a_text_that_is_looked_for_in_some_jobs_alone_changes_none(admin_client: Client) -> None:
    job = make_record(status="failed", error="no such card")
    assert "Select those that were found" in text_of(do(admin_client, "retry", "q=card"))
    assert statuses([job]) == ["failed"]


def test_where_nothing_fits_there_is_nothing_to_confirm(admin_client: Client) -> None:
    make_record()
    page = admin_client.get(address("run"))
    assert "There is nothing to do" in text_of(page)
    assert "Run them now" not in page.content.decode()


@pytest.mark.parametrize("act", ["retry", "run", "cancel", "delete"])
def test_each_takes_its_permission_a_post_and_a_token(
    staff_client: Callable[..., Client], act: str
) -> None:
    all_acts = {"retry", "run", "cancel", "delete"}
    job = make_pending() if act in {"run", "cancel"} else make_record()
    before = TaskRecord.objects.values().get()
    others = staff_client("view_taskrecord", *(f"{a}_taskrecord" for a in all_acts - {act}))
    assert others.get(address(act)).status_code == 403
    assert others.post(address(act)).status_code == 403
    data = {"action": act, "_selected_action": [job.pk], "select_across": 1, "index": 0}
    assert "No action selected." in text_of(others.post(LIST, data, follow=True))
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = others.cookies
    assert strict.post(address(next(iter(all_acts - {act})))).status_code == 403
    assert TaskRecord.objects.values().get() == before


def test_there_is_no_other_act(admin_client: Client) -> None:
    assert admin_client.get(address("explode")).status_code == 404


def test_the_app_s_own_task_is_neither_listed_nor_run_by_hand(admin_client: Client) -> None:
    page = admin_client.get("/admin/flowrra_django/registeredtask/")
    assert MINE not in text_of(page)
    run = "/admin/flowrra_django/registeredtask/run/"
    assert admin_client.get(run, {"task": MINE}).status_code == 404
    assert admin_client.post(run, {"task": MINE, "arguments": "[]"}).status_code == 404


@pytest.mark.parametrize("how", ["button", "rows", "all that fit"])
def test_who_may_retry_lets_no_deletion_of_another_go_on(
    staff_client: Callable[..., Client], how: str
) -> None:
    failed = [make_record(status="failed") for _ in range(3)]
    payload = payload_of(Wanted(status="failed"))
    job = change_jobs.enqueue("delete", payload, "root")
    job.cancel(by="root")
    row = TaskRecord.objects.get(task_id=job.task_id)
    client = staff_client("view_taskrecord", "retry_taskrecord")
    if how == "button":
        page = client.get(f"{LIST}{row.pk}/change/")
        assert ">Retry</button>" not in page.content.decode()
        client.post(f"{LIST}{row.pk}/retry/")
    elif how == "rows":
        client.post(LIST, {"action": "retry", "_selected_action": [row.pk]})
    else:
        assert "Retried: 0." in text_of(do(client, "retry", "status=cancelled"))
    assert job.get().status == "cancelled"
    assert statuses(failed) == ["failed"] * 3
