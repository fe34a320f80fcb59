"""Every page, as people see it: light, dark, on a phone, and with a screen reader's rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.site import Site
from tests.support import until

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
}
ADMIN = "/admin/flowrra_django/"
RESULTS = f"{ADMIN}taskrecord/"
PAGES = {
    "index": "/admin/",
    "app": ADMIN,
    "overview": f"{ADMIN}overview/",
    "results": RESULTS,
    "results-filtered": f"{RESULTS}?status=failed",
    "results-in-a-time": f"{RESULTS}?submitted_from=2026-05-01T12:00&finished_until=2099-05-01",
    "every": f"{RESULTS}every/retry/?status=failed",
    "every-waiting": f"{RESULTS}every/delete/?queue=default",
    "failed": f"{RESULTS}{{failed}}/change/",
    "succeeded": f"{RESULTS}{{succeeded}}/change/",
    "running": f"{RESULTS}{{running}}/change/",
    "pending": f"{RESULTS}{{pending}}/change/",
    "delete": f"{RESULTS}{{failed}}/delete/",
    "workers": f"{ADMIN}workerprocess/",
    "queues": f"{ADMIN}queuestate/",
    "purge": f"{ADMIN}queuestate/purge/?queue=a-queue-with-a-rather-long-name",
    "tasks": f"{ADMIN}registeredtask/",
    "run": f"{ADMIN}registeredtask/run/?task=tests.browser.tasks.add",
    "census": "/census/1/",
    "censuses": "/",
}
HIDDEN = """
Array.from(document.querySelectorAll(".flowrra-scroll"))
    .filter((region) => region.scrollWidth > region.clientWidth).length
"""
SERIOUS = {"serious", "critical"}

JOBS = """
from datetime import timedelta
from example_project.census.models import Census
from tests.browser import tasks
jobs = {
    "succeeded": tasks.add.enqueue(12, 30),
    "failed": tasks.fail_again.enqueue("The card of “Ada” was refused:\\n" + "no money. " * 300),
    "hostile": tasks.hostile.enqueue("<script>document.title='hacked'</script>"),
    "running": tasks.nap.enqueue(3600),
    "pending": tasks.add.using(queue="mail", run_after=timedelta(hours=2)).enqueue(1, 2),
    "unserved": tasks.add.using(queue="a-queue-with-a-rather-long-name").enqueue(1, 2),
}
tasks.add.enqueue_many([(n, n) for n in range(150)])
runs = jobs["running"].task_id
Census.objects.create(root="/usr/lib/python3", summary_id=runs, collector_id=runs)
print(" ".join(f"{name}={job.task_id}" for name, job in jobs.items()))
"""


@pytest.fixture(scope="module")
def keys(site: Site) -> Iterator[dict[str, int]]:
    """Have jobs of all kinds, and a worker that is up; return the admin's numbers of the jobs."""
    ids = dict(pair.split("=") for pair in site.shell(JOBS).split())
    with site.worker("--queue", "default", "--queue", "mail"):
        until(lambda: site.status(ids["failed"]) == "failed", 60)
        until(lambda: site.status(ids["running"]) == "running", 60)
        until(lambda: site.status(ids["hostile"]) == "failed", 60)
        yield {name: site.key(task_id) for name, task_id in ids.items()}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_can_be_read_by_everybody(open_page, shoot, keys, name, look):
    page = open_page(PAGES[name].format(**keys), **LOOKS[look])
    shoot(page, f"{name}-{look}")
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0, f"{width} pixels too wide"
    if look != "phone":
        assert page.evaluate(HIDDEN) == 0, "a table hides a part of itself"
    open_page.check()
    found = axe.Axe().run(page)
    open_page.problems.clear()  # what axe tried, and the policy forbade
    told = [
        f"{problem['id']} ({problem['impact']}): {problem['help']}\n"
        + "\n".join(f"    {node['html'][:200]}" for node in problem["nodes"][:5])
        for problem in found.response["violations"]
        if problem["impact"] in SERIOUS
    ]
    assert told == [], "\n".join(told)
