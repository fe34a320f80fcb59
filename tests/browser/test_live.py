"""Pages of the admin that move by themselves, without a reload, in every way of serving them."""

from __future__ import annotations

import pytest

from tests.browser.site import ADMIN, HELPER, READER

expect = pytest.importorskip("playwright.sync_api").expect

RESULTS = "/admin/flowrra_django/taskrecord/"
ADD_TO = "from tests.browser import tasks as t; t.add.using(queue={!r}).enqueue(1, 2)"
STAY = "window.stayed = true"
STAYED = "window.stayed === true"


@pytest.fixture(params=["sockets", "polling"])
def way(request, site, open_page):
    """Serve the site anew in one of two ways, and as it was afterwards."""
    if request.param == "polling":
        site.stop()
        site.start_without_sockets()
    yield request.param
    if request.param == "polling":
        open_page.close()  # or pages ask, and write that nobody answers
        site.stop()
        site.start()


def badge_of(page, task_id):
    return page.locator(f"tr:has(a[href*='/{task_id}/']) .flowrra-status")


def test_a_list_shows_a_job_from_its_coming_to_its_end(open_page, site, way):
    page = open_page(RESULTS, READER)
    page.evaluate(STAY)
    job = site.enqueue("add", 1, 2)
    badge = badge_of(page, site.key(job))
    expect(badge).to_have_text("pending")
    with site.worker():
        expect(badge).to_have_text("success")
    assert page.evaluate(STAYED)


def test_the_page_of_a_job_tells_how_it_ends(open_page, site):
    job = site.enqueue("nap", 0.5)
    page = open_page(f"{RESULTS}{site.key(job)}/change/", READER)
    page.evaluate(STAY)
    with site.worker():
        expect(page.locator(".field-state .flowrra-status")).to_have_text("success")
        expect(page.locator(".field-returned .readonly")).to_have_text('"rested"')
    assert page.evaluate(STAYED)


def test_a_failed_job_is_retried_by_a_click_and_seen_to_succeed(open_page, site, tmp_path):
    cause = tmp_path / "missing"
    job = site.enqueue("need_file", str(cause))
    with site.worker():
        page = open_page(f"{RESULTS}{site.key(job)}/change/", HELPER)
        state = page.locator(".field-state .flowrra-status")
        expect(state).to_have_text("failed")
        cause.write_text("found")
        page.get_by_role("button", name="Retry").click()
        page.evaluate(STAY)
        expect(state).to_have_text("success")
        expect(page.locator(".field-returned .readonly")).to_have_text('"found"')
    assert page.evaluate(STAYED)


def test_a_page_goes_on_when_the_server_comes_back(open_page, site):
    page = open_page(RESULTS, READER, errors=True)
    page.evaluate(STAY)
    site.stop()
    job = site.enqueue("add", 3, 4)
    site.start()
    with page.expect_websocket():
        pass
    expect(badge_of(page, site.key(job))).to_have_text("pending")
    other = site.enqueue("add", 5, 6)
    expect(badge_of(page, site.key(other))).to_have_text("pending", timeout=3_000)
    assert page.evaluate(STAYED)


def test_what_is_selected_stays_selected_and_is_still_the_same_job(open_page, site):
    first = site.enqueue("add", 1, 1)
    page = open_page(RESULTS, HELPER)
    box = page.locator(f"input.action-select[value='{site.key(first)}']")
    box.check()
    with site.worker("--burst") as worker:
        worker.wait(60)
    expect(badge_of(page, site.key(first))).to_have_text("success")
    second = site.enqueue("add", 2, 2)
    page.wait_for_timeout(2_500)  # in which the page is loaded anew once, at least
    expect(box).to_be_checked()
    expect(badge_of(page, site.key(second))).to_have_count(0)
    box.uncheck()
    page.locator("#site-name").click()


def test_a_button_stays_that_of_its_row_when_others_come_before_it(open_page, site):
    site.shell(ADD_TO.format("mail"))
    page = open_page("/admin/flowrra_django/queuestate/", ADMIN)
    rows = page.locator("tr[data-flowrra-key]")
    expect(page.locator("tr[data-flowrra-key=mail]")).to_be_visible()
    site.shell(ADD_TO.format("bulk"))
    expect(page.locator("tr[data-flowrra-key=bulk]")).to_be_visible()
    for row in rows.all():
        name = row.locator("th a").inner_text()
        assert row.locator("input[name=queue]").input_value() == name
        assert row.get_by_role("button", name=f"Pause {name}").count() == 1


def test_what_was_typed_and_refused_stays_with_the_reason(open_page, site):
    address = "/admin/flowrra_django/registeredtask/run/?task=tests.browser.tasks.add"
    page = open_page(address, ADMIN)
    page.get_by_role("textbox", name="Arguments").fill('{"a": 1}')
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("alert")).to_contain_text("missing a required argument: 'b'")
    page.evaluate(
        "document.addEventListener('flowrra:refreshed', () => { document.body.title = 'again'; })"
    )
    site.enqueue("add", 1, 2)
    expect(page.locator("body")).to_have_attribute("title", "again", timeout=20_000)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("textbox", name="Arguments")).to_have_value('{"a": 1}')


def test_new_rows_can_be_selected_together(open_page, site):
    site.enqueue("add", 1, 1)
    page = open_page(RESULTS, HELPER)
    job = site.enqueue("add", 2, 2)
    expect(badge_of(page, site.key(job))).to_be_visible()
    page.locator("#action-toggle").check()
    expect(page.locator(f"input.action-select[value='{site.key(job)}']")).to_be_checked()
    count = page.locator("tr input.action-select").count()
    expect(page.locator(".action-counter")).to_have_text(f"{count} of {count} selected")


def test_text_that_is_html_stays_text(open_page, site):
    job = site.enqueue("hostile", "<script>document.title='hacked'</script>")
    page = open_page(RESULTS, READER)
    with site.worker():
        expect(badge_of(page, site.key(job))).to_have_text("failed")
    expect(page.locator("img[src='x']")).to_have_count(0)
    page.goto(f"{RESULTS}{site.key(job)}/change/")
    expect(page.locator(".field-problem")).to_contain_text("<script>document.title='hacked'")
    page.wait_for_timeout(1_500)
    expect(page.locator("img[src='x']")).to_have_count(0)
    assert page.title() != "hacked"


def test_the_message_of_what_one_did_is_not_lost_to_a_page_that_is_loaded_anew(open_page, site):
    job = site.enqueue("fail", "no")
    with site.worker("--burst") as worker:
        worker.wait(60)
    page = open_page(f"{RESULTS}{site.key(job)}/change/", HELPER)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".messagelist")).to_contain_text("1 job waits again.")
    page.wait_for_timeout(1_500)
    expect(page.locator(".messagelist")).to_contain_text("1 job waits again.")


def test_who_is_logged_out_meanwhile_is_not_asked_for(open_page, site):
    page = open_page(RESULTS, READER, errors=True)
    page.context.clear_cookies()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    site.enqueue("add", 1, 1)
    page.wait_for_timeout(6_000)
    assert len([url for url in asked if url == f"{site.url}{RESULTS}"]) <= 1
