from __future__ import annotations

import re
import signal
from functools import partial

import pytest

from tests.example.site import SLOW_SOURCE, Site
from tests.support import until

FILES = 60
BEGIN = "from example_project.census.tasks import begin; begin({tree!r})"


@pytest.fixture
def slow_site(site: Site) -> Site:
    for number in range(FILES):
        site.write(f"{number}.py", SLOW_SOURCE)
    site.manage("migrate", "-v", "0")
    return site


def is_halfway(site: Site) -> bool:
    return len(site.counted()) >= 10


def assert_finished(site: Site) -> None:
    """Every file has one count, and the census has them all."""
    output = site.manage("census", "--report")
    assert f"{FILES + 2} jobs in " in output
    assert f"{400 * FILES:,}" in output  # functions
    assert len(site.counted()) == FILES
    assert site.number("SELECT count(*) FROM census_census WHERE finished_at IS NOT NULL") == 1


def test_a_census_stopped_by_ctrl_c_says_how_to_go_on_and_a_worker_finishes_it(
    slow_site: Site,
) -> None:
    with slow_site.start("census", str(slow_site.tree)) as process:
        until(partial(is_halfway, slow_site))
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (130, "")
    assert "Stopping when the running jobs have ended." in output
    done = re.search(rf"is not finished: (\d+) of {FILES} files are done", output)
    assert done is not None
    assert 10 <= int(done[1]) < FILES
    assert "manage.py runflowrra --burst" in output
    assert "is not finished" in slow_site.manage("census", "--report", exit_code=1)
    counted = slow_site.counted()

    with slow_site.worker("--burst") as worker:
        assert worker.wait() == 0
    assert_finished(slow_site)
    assert counted.items() <= slow_site.counted().items()


def test_a_census_survives_kill_9_of_its_worker(slow_site: Site) -> None:
    slow_site.manage("shell", "-v", "0", "-c", BEGIN.format(tree=str(slow_site.tree)))
    with slow_site.worker("--cpu-workers", "1") as worker:
        until(partial(is_halfway, slow_site))
        worker.send(signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL
    counted = slow_site.counted()
    assert 10 <= len(counted) < FILES

    with slow_site.worker("--burst") as worker:
        assert worker.wait() == 0
    assert_finished(slow_site)
    assert counted.items() <= slow_site.counted().items()
