from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.test import Client
from django.utils import timezone

from flowrra_django.admin import changing
from flowrra_django.admin.task_results import TaskRecordAdmin
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.job import FIRST_PRIORITY
from flowrra_django.models import TaskRecord
from tests.admin.support import LIST, make_pending, make_record, make_running, page_of, text_of

FINAL = ("success", "failed", "cancelled")
GOING_ON = ("pending", "running", "retrying")


def act(client: Client, action: str, *jobs: TaskRecord, **given: Any) -> Any:
    chosen = [job.pk for job in jobs]
    data = {"action": action, "_selected_action": chosen, "index": 0, **given}
    return client.post(LIST, data, follow=True)


def statuses(*jobs: TaskRecord) -> list[str]:
    return [TaskRecord.objects.get(pk=job.pk).status for job in jobs]


def logged() -> list[tuple[str, int, str]]:
    entries = LogEntry.objects.order_by("pk")
    return [(entry.object_id, entry.action_flag, entry.change_message) for entry in entries]


# Retry


@pytest.mark.parametrize("status", FINAL)
def test_the_button_lets_a_job_that_ended_run_again(admin_client: Client, status: str) -> None:
    job = make_record(status=status, failures=3, error_type="E")
    page = admin_client.post(page_of(job, "retry"), follow=True)
    assert page.redirect_chain == [(page_of(job), 302)]
    assert "1 job waits again." in text_of(page)
    again = TaskRecord.objects.get()
    assert (again.status, again.failures, again.error_type) == ("pending", 0, "")
    assert logged() == [(str(job.pk), CHANGE, "Retried.")]
    assert "Retried." in text_of(admin_client.get(page_of(job, "history")))


@pytest.mark.parametrize("status", GOING_ON)
def test_a_job_that_has_not_ended_is_not_run_again(admin_client: Client, status: str) -> None:
    job = make_record(status=status, finished_at=None)
    page = text_of(admin_client.post(page_of(job, "retry"), follow=True))
    assert "Not retried, for not ended: 1." in page
    assert statuses(job) == [status]
    assert logged() == []


def test_a_retry_is_asked_for_by_post_and_from_the_page_itself(admin_client: Client) -> None:
    job = make_record()
    assert admin_client.get(page_of(job, "retry")).status_code == 405
    stranger = Client(enforce_csrf_checks=True, headers={})
    stranger.cookies = admin_client.cookies
    assert stranger.post(page_of(job, "retry")).status_code == 403
    assert statuses(job) == ["success"]


def test_the_page_carries_what_its_button_needs(admin_client: Client) -> None:
    job = make_record()
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = admin_client.cookies
    page = careful.get(page_of(job), {"_changelist_filters": "status=success"})
    content = page.content.decode()
    action = f'action="{page_of(job, "retry")}?_changelist_filters=status%3Dsuccess"'
    assert action in content
    form = content.split('class="flowrra-retry"')[1].split("</form>")[0]
    token = form.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    answer = careful.post(
        f"{page_of(job, 'retry')}?_changelist_filters=status%3Dsuccess",
        {"csrfmiddlewaretoken": token},
    )
    assert answer.headers["Location"] == f"{page_of(job)}?_changelist_filters=status%3Dsuccess"
    assert statuses(job) == ["pending"]


def test_to_look_or_to_delete_is_not_enough_to_retry(staff_client: Callable[..., Client]) -> None:
    job = make_record()
    client = staff_client("view_taskrecord", "delete_taskrecord", "change_taskrecord")
    assert client.post(page_of(job, "retry")).status_code == 403
    assert "No action selected." in text_of(act(client, "retry", job))
    assert statuses(job) == ["success"]


def test_a_job_that_is_gone_cannot_be_retried(admin_client: Client) -> None:
    assert admin_client.post(f"{LIST}7/retry/").status_code == 404


def test_the_action_lets_those_of_the_selected_jobs_run_again_that_ended(
    staff_client: Callable[..., Client],
) -> None:
    client = staff_client("view_taskrecord", "retry_taskrecord")
    ended = [make_record(status=status) for status in FINAL]
    going_on = [make_record(status=status, finished_at=None) for status in GOING_ON]
    other = make_record()
    page = text_of(act(client, "retry", *ended, *going_on))
    assert "3 jobs wait again." in page
    assert "Not retried, for not ended: 3." in page
    assert statuses(*ended) == ["pending"] * 3
    assert statuses(*going_on, other) == [*GOING_ON, "success"]
    assert sorted(logged()) == sorted((str(job.pk), CHANGE, "Retried.") for job in ended)


# Delete


def test_a_job_is_deleted_after_a_question(admin_client: Client) -> None:
    job, other = make_record(), make_record()
    assert f"Task results: 1 Objects {job}" in text_of(admin_client.get(page_of(job, "delete")))
    page = admin_client.post(page_of(job, "delete"), {"post": "yes"}, follow=True)
    assert "was deleted successfully" in text_of(page)
    assert list(TaskRecord.objects.all()) == [other]
    assert logged() == [(str(job.pk), DELETION, "")]


def test_a_running_job_is_not_deleted(admin_client: Client) -> None:
    job = make_running()
    for answer in (
        admin_client.get(page_of(job, "delete"), follow=True),
        admin_client.post(page_of(job, "delete"), {"post": "yes"}, follow=True),
    ):
        assert answer.redirect_chain == [(page_of(job), 302)]
        assert "A running job cannot be deleted." in text_of(answer)
    assert statuses(job) == ["running"]
    assert logged() == []


def test_a_job_that_begins_to_run_while_it_is_deleted_stays(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_pending()
    looked = TaskRecordAdmin.get_deleted_objects

    def look_and_start(*args: Any) -> Any:
        seen = looked(*args)
        TaskRecord.objects.update(status="running")
        return seen

    monkeypatch.setattr(TaskRecordAdmin, "get_deleted_objects", look_and_start)
    page = text_of(admin_client.post(page_of(job, "delete"), {"post": "yes"}, follow=True))
    assert "A running job cannot be deleted." in page
    assert TaskRecord.objects.exists()
    assert logged() == []


def test_the_action_asks_and_then_deletes_those_that_do_not_run(admin_client: Client) -> None:
    idle = [make_record(), make_pending(), make_record(status="failed")]
    running, other = make_running(), make_record()
    asked = text_of(act(admin_client, "delete_selected", *idle, running))
    assert "Not deleted, for running: 1." in asked
    assert "Task results: 3" in asked
    assert str(running) not in asked
    assert TaskRecord.objects.count() == 5

    page = text_of(act(admin_client, "delete_selected", *idle, running, post="yes"))
    assert "3 jobs were deleted." in page
    assert "Not deleted, for running: 1." in page
    assert set(TaskRecord.objects.all()) == {running, other}
    assert sorted(logged()) == sorted((str(job.pk), DELETION, "") for job in idle)


def test_there_is_no_question_where_all_selected_jobs_run(admin_client: Client) -> None:
    running = make_running()
    page = text_of(act(admin_client, "delete_selected", running))
    assert "Not deleted, for running: 1." in page
    assert "Are you sure" not in page


def test_more_jobs_than_a_form_can_carry_are_not_deleted_at_once(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changing, "AT_ONCE", 2)
    jobs = [make_record() for _ in range(3)]
    for given in ({}, {"post": "yes"}):
        page = text_of(act(admin_client, "delete_selected", *jobs, **given))
        assert "Select at most 500 task results to delete." in page
    assert TaskRecord.objects.count() == 3
    assert "2 jobs were deleted." in text_of(
        act(admin_client, "delete_selected", *jobs[:2], post="yes")
    )


def test_the_index_forgets_what_is_deleted(
    admin_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    forgotten: list[set[str]] = []
    monkeypatch.setattr(DatabaseBroker, "forget", lambda self, ids: forgotten.append(ids))
    job, running = make_pending(), make_running()
    with django_capture_on_commit_callbacks(execute=True):
        act(admin_client, "delete_selected", job, running, post="yes")
    assert forgotten == [{job.task_id}]


def test_to_look_or_to_retry_is_not_enough_to_delete(staff_client: Callable[..., Client]) -> None:
    job = make_record()
    client = staff_client("view_taskrecord", "retry_taskrecord")
    assert client.post(page_of(job, "delete"), {"post": "yes"}).status_code == 403
    assert "No action selected." in text_of(act(client, "delete_selected", job, post="yes"))
    assert TaskRecord.objects.exists()


def test_jobs_are_deleted_by_the_action_only_if_they_are_among_those_shown(
    admin_client: Client,
) -> None:
    job = make_record()
    data = {"action": "delete_selected", "_selected_action": [job.pk], "post": "yes"}
    admin_client.post(f"{LIST}?status=failed", data)
    assert TaskRecord.objects.exists()


# Run now


@pytest.mark.parametrize("status", ["pending", "retrying"])
def test_a_job_that_waits_for_its_time_is_run_from_its_page(
    admin_client: Client, status: str
) -> None:
    later = timezone.now() + timedelta(hours=2)
    job = make_pending(status=status, run_after=later, due_at=later)
    assert ">Run now</button>" in admin_client.get(page_of(job)).content.decode()
    page = admin_client.post(page_of(job, "run"), follow=True)
    assert page.redirect_chain == [(page_of(job), 302)]
    assert "1 job is due now, and goes before others of its queue." in text_of(page)
    assert "Priority: before all others, since it was to run now" in text_of(page)
    job.refresh_from_db()
    assert (job.status, job.due_at) == (status, None)
    assert job.run_after <= timezone.now()
    assert logged() == [(str(job.pk), CHANGE, "To run now.")]


@pytest.mark.parametrize("status", [*FINAL, "running"])
def test_what_does_not_wait_cannot_be_run_now(admin_client: Client, status: str) -> None:
    job = make_record(status=status)
    assert ">Run now</button>" not in admin_client.get(page_of(job)).content.decode()
    page = text_of(admin_client.post(page_of(job, "run"), follow=True))
    assert "Not to run now, for not waiting: 1." in page
    assert statuses(job) == [status]
    assert logged() == []


def test_the_action_runs_those_of_the_selected_jobs_that_wait(
    staff_client: Callable[..., Client],
) -> None:
    client = staff_client("view_taskrecord", "run_taskrecord")
    later = timezone.now() + timedelta(hours=2)
    jobs = [make_pending(due_at=later), make_pending(), make_record()]
    page = text_of(act(client, "run", *jobs))
    assert "2 jobs are due now, and go before others of their queues." in page
    assert "Not to run now, for not waiting: 1." in page
    priorities = TaskRecord.objects.order_by("pk").values_list("priority", flat=True)
    assert list(priorities) == [FIRST_PRIORITY, FIRST_PRIORITY, 0]


def test_to_run_now_takes_a_post_and_its_own_permission(
    admin_client: Client, staff_client: Callable[..., Client]
) -> None:
    job = make_pending()
    assert admin_client.get(page_of(job, "run")).status_code == 405
    other = staff_client("view_taskrecord", "retry_taskrecord", "run_registeredtask")
    assert ">Run now</button>" not in other.get(page_of(job)).content.decode()
    assert other.post(page_of(job, "run")).status_code == 403
    assert "No action selected." in text_of(act(other, "run", job))
    assert TaskRecord.objects.get().priority == 0


# Cancel


def test_a_waiting_job_is_cancelled_from_its_page_and_says_by_whom(admin_client: Client) -> None:
    job = make_pending()
    assert ">Cancel</button>" in admin_client.get(page_of(job)).content.decode()
    page = text_of(admin_client.post(page_of(job, "cancel"), follow=True))
    assert "1 job is cancelled" in page
    assert "cancelled Cancelled by root." in page
    assert LogEntry.objects.get().change_message == "Cancelled."
    assert ">Cancel</button>" not in admin_client.get(page_of(job)).content.decode()


def test_a_running_job_is_asked_to_be_cancelled(admin_client: Client) -> None:
    job = make_running()
    page = text_of(admin_client.post(page_of(job, "cancel"), follow=True))
    assert "It was asked to be cancelled by root." in page
    job.refresh_from_db()
    assert (job.status, job.cancel_requested) == ("running", True)


def test_the_action_cancels_those_of_the_selected_jobs_that_have_not_ended(
    admin_client: Client,
) -> None:
    jobs = [make_pending(), make_running(), make_record()]
    data = {"action": "cancel", "_selected_action": [job.pk for job in jobs]}
    page = text_of(admin_client.post(LIST, data, follow=True))
    assert "2 jobs are cancelled, or will be if they run." in page
    assert "Not cancelled, for ended: 1." in page
    assert LogEntry.objects.count() == 2
    assert [job.status for job in TaskRecord.objects.order_by("pk")] == [
        "cancelled", "running", "success",
    ]  # fmt: skip


def test_to_cancel_takes_a_post_a_token_and_a_permission(
    admin_client: Client, staff_client: Callable[..., Client]
) -> None:
    job = make_pending()
    assert admin_client.get(page_of(job, "cancel")).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin_client.cookies
    assert strict.post(page_of(job, "cancel")).status_code == 403
    reader = staff_client("view_taskrecord", "retry_taskrecord", "delete_taskrecord")
    assert ">Cancel</button>" not in reader.get(page_of(job)).content.decode()
    assert reader.post(page_of(job, "cancel")).status_code == 403
    reader.post(LIST, {"action": "cancel", "_selected_action": [job.pk]})
    job.refresh_from_db()
    assert job.status == "pending"


def test_a_job_that_is_not_there_cannot_be_cancelled(admin_client: Client) -> None:
    assert admin_client.post(f"{LIST}4711/cancel/").status_code == 404
