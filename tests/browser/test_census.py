"""The example's own page: a bar that anybody sees move, without logging in."""

from __future__ import annotations

import pytest

from tests.example.site import SLOW_SOURCE

expect = pytest.importorskip("playwright.sync_api").expect

FILES = 200  # so many that they take longer than a page that asks waits between two questions
ADDRESS = "/census/{}/"
BEGIN = "from example_project.census.tasks import begin; print(begin({!r}).pk)"


@pytest.fixture
def tree(tmp_path):
    for number in range(FILES):
        (tmp_path / f"{number}.py").write_text(SLOW_SOURCE)
    return str(tmp_path)


@pytest.mark.parametrize("way", ["sockets", "polling"])
def test_a_census_goes_from_0_to_100_percent_without_a_reload(open_page, site, tree, shoot, way):
    if way == "polling":
        site.stop()
        site.start_without_sockets()
    census = site.shell(BEGIN.format(tree))
    page = open_page(ADDRESS.format(census), None)
    bar = page.get_by_role("progressbar", name="Files counted")
    expect(bar).to_have_attribute("aria-valuenow", "0")
    page.evaluate("""
        window.seen = [];
        addEventListener("flowrra:progress", (event) => window.seen.push(event.detail.percent));
    """)
    with site.worker("--cpu-workers", "1"):
        expect(page.get_by_role("status")).to_have_text("Done", timeout=60_000)
    expect(bar).to_have_attribute("aria-valuenow", "100")
    seen = [percent for percent in page.evaluate("window.seen") if percent is not None]
    assert seen[-1] == 100
    assert seen == sorted(seen)
    assert any(0 < percent < 100 for percent in seen)
    shoot(page, f"census-{way}")
    page.get_by_role("link", name="Show the figures").click()
    expect(page.locator("pre")).to_contain_text(f"{FILES + 2} jobs in ")
    if way == "polling":
        open_page.close()  # or the page asks, and writes that nobody answers
        site.stop()
        site.start()


def test_anybody_starts_one_from_the_first_page(open_page, site):
    page = open_page("/", None)
    page.get_by_role("button", name="Count them").click()
    page.wait_for_url("**/census/*/")
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Waiting")


@pytest.mark.parametrize(("task", "words"), [("fail", "Failed"), ("nap", "Cancelled")])
def test_a_bar_says_that_its_job_failed_or_was_cancelled(open_page, site, task, words):
    job = site.enqueue(task, "no" if task == "fail" else 3600)
    census = f"""
from example_project.census.models import Census
print(Census.objects.create(root="x", summary_id={job!r}, collector_id={job!r}).pk)
"""
    page = open_page(ADDRESS.format(site.shell(census)), None)
    expect(page.get_by_role("status")).to_have_text("Waiting")
    if task == "nap":
        site.manage("flowrra", "cancel", job)
    with site.worker("--burst") as worker:
        worker.wait(60)
    expect(page.get_by_role("status")).to_have_text(words)
    expect(page.get_by_role("link", name="Show the figures")).to_be_hidden()
