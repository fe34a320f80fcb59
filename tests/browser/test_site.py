"""The way in: who may see what, in a real browser."""

from __future__ import annotations

from tests.browser.site import READER, STRANGER

RESULTS = "/admin/flowrra_django/taskrecord/"


def test_who_is_not_logged_in_is_asked_to(open_page):
    page = open_page(RESULTS, user=None)
    assert page.url.endswith(f"/admin/login/?next={RESULTS}")


def test_a_job_that_ran_is_listed_with_its_result(open_page, site):
    job = site.enqueue("add", 2, 3)
    with site.worker("--burst") as worker:
        worker.wait(60)
    page = open_page(f"{RESULTS}{site.key(job)}/change/", READER)
    assert page.locator(".field-returned .readonly").inner_text() == "5"


def test_who_may_not_view_jobs_is_refused(open_page):
    page = open_page(RESULTS, STRANGER, errors=True)
    assert page.title().startswith("403")
