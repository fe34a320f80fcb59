"""What people on call do, by clicking, and see take effect without a reload."""

from __future__ import annotations

import pytest

from tests.browser.site import ADMIN, HELPER, READER, STRANGER

expect = pytest.importorskip("playwright.sync_api").expect

RESULTS = "/admin/flowrra_django/taskrecord/"
QUEUES = "/admin/flowrra_django/queuestate/"


LATER = """
from datetime import timedelta
from tests.browser import tasks
print(tasks.add.using(run_after=timedelta(hours=1)).enqueue(1, 2).task_id)
"""


def page_of(site, job):
    return f"{RESULTS}{site.key(job)}/change/"


def test_a_running_job_is_cancelled_by_a_click_and_seen_to_end(open_page, site):
    job = site.enqueue("nap", 3600)
    with site.worker():
        page = open_page(page_of(site, job), ADMIN)
        state = page.locator(".field-state .flowrra-status")
        expect(state).to_have_text("running")
        page.get_by_role("button", name="Cancel").click()
        page.evaluate("window.stayed = true")
        expect(state).to_have_text("cancelled")
        assert page.evaluate("window.stayed === true")


def test_a_queue_is_paused_and_resumed_by_a_click(open_page, site):
    page = open_page(QUEUES, ADMIN)
    page.get_by_role("button", name="Pause default").click()
    expect(page.get_by_role("button", name="Resume default")).to_be_visible()
    with site.worker():
        results = open_page(RESULTS, ADMIN)
        job = site.enqueue("add", 1, 2)
        badge = results.locator(f"tr:has(a[href*='/{site.key(job)}/']) .flowrra-status")
        expect(badge).to_have_text("pending")
        results.wait_for_timeout(2_500)
        expect(badge).to_have_text("pending")
        page.get_by_role("button", name="Resume default").click()
        expect(page.get_by_role("button", name="Pause default")).to_be_visible()
        expect(badge).to_have_text("success")


@pytest.mark.parametrize(
    ("user", "buttons"), [(READER, set()), (HELPER, {"Retry"}), (ADMIN, {"Retry", "Delete"})]
)
def test_each_sees_what_he_may_do_and_no_more(open_page, site, user, buttons):
    job = site.enqueue("fail", "no")
    with site.worker("--burst") as worker:
        worker.wait(60)
    page = open_page(page_of(site, job), user)
    expect(page.locator(".field-state .flowrra-status")).to_have_text("failed")
    shown = {
        name
        for name in ("Retry", "Cancel", "Delete")
        if page.get_by_role("button", name=name, exact=True)
        .or_(page.get_by_role("link", name=name, exact=True))
        .count()
    }
    assert shown == buttons


@pytest.mark.parametrize("user", [READER, HELPER])
def test_who_may_not_act_is_refused_even_if_he_asks(open_page, site, user):
    job = site.shell(LATER)
    page = open_page("/admin/", user, errors=True)
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    form = {"csrfmiddlewaretoken": token, "queue": "default"}
    for path in (f"{RESULTS}{site.key(job)}/cancel/", f"{QUEUES}pause/"):
        answer = page.request.post(path, form=form, headers={"Referer": page.url})
        assert answer.status == 403, path
        assert "CSRF" not in answer.text()
    assert site.status(job) == "pending"
    assert site.rows("SELECT * FROM flowrra_django_queuestate WHERE paused_at IS NOT NULL") == []


def test_nothing_is_done_by_following_a_link(open_page, site):
    job = site.shell(LATER)
    page = open_page("/admin/", ADMIN, errors=True)
    for action in ("retry", "cancel"):
        assert page.request.get(f"{RESULTS}{site.key(job)}/{action}/").status == 405
    for action in ("pause", "resume"):
        assert page.request.get(f"{QUEUES}{action}/?queue=default").status == 405
    assert site.status(job) == "pending"


def test_staff_without_any_permission_see_no_jobs(open_page):
    page = open_page("/admin/", STRANGER)
    expect(page.get_by_text("Background jobs")).to_have_count(0)
