from __future__ import annotations

import pytest

from tests.example.site import Site

GOOD = "import os\n\n\ndef longest():\n    return (\n        os.name\n    )\n\n\nclass Thing: ...\n"
BAD = "def (:\n"
NOT_UTF8 = b"x = 1\ny = 2\nz = '\xe4'\n"

# Whoever runs a job twice, as a worker does that is killed before it could say that it had ended.
RUN_TWICE = """
import asyncio
from asgiref.sync import sync_to_async
from django.db import connections
from example_project.census.models import Census
from example_project.census.tasks import begin, collect
from flowrra_django.models import TaskRecord

def jobs(name):
    return TaskRecord.objects.filter(task_name__endswith=name).count()

census = begin({tree!r})
found = [asyncio.run(collect(census.pk)) for _ in range(2)]
print(found, census.files.count(), jobs("count_file"), jobs("write_summary"), census.open_files())
asyncio.run(sync_to_async(connections.close_all)())
"""

# A summary that has read its census just before the files were found.
FOUND_MEANWHILE = """
import asyncio
from asgiref.sync import sync_to_async
from django.db import connections
from example_project.census.tasks import begin, collect
from flowrra_django.models import TaskRecord

census = begin({tree!r})
asyncio.run(collect(census.pk))
TaskRecord.objects.filter(task_id=census.collector_id).update(status="success")
print(census.found, census.is_lost(), census.found)
asyncio.run(sync_to_async(connections.close_all)())
"""

SHOW_ADMIN = """
from django.contrib.auth import get_user_model
from django.test import Client

client = Client(headers={"host": "localhost"})
client.force_login(get_user_model().objects.create_superuser("someone"))
pages = ["census/", "census/1/change/", "sourcefile/", "sourcefile/1/change/"]
for page in pages:
    response = client.get(f"/admin/census/{page}")
    print(page, response.status_code)
    print(response.content.decode())
"""


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, str]:
    """A site after its first census, and what that printed."""
    site = Site(tmp_path_factory.mktemp("counted"))
    site.write("good.py", GOOD)
    site.write("sub/bad.py", BAD)
    site.write("sub/latin.py", NOT_UTF8)
    return site, site.manage("census", str(site.tree))


def test_a_census_prints_its_figures(counted: tuple[Site, str]) -> None:
    site, output = counted
    assert f"Census 1 of {site.tree}" in output
    lines = [" ".join(line.split()) for line in output.splitlines()]
    figures = ["files 3 (2 of them not counted)", "lines 10", "classes 1", "functions 1"]
    assert set(figures) <= set(lines)
    assert "longest 4 good.py:4" in lines
    assert "os 1" in lines
    assert "\n5 jobs in " in output
    assert "manage.py createsuperuser\n" in output


def test_files_that_cannot_be_counted_are_failed_jobs_and_reported(
    counted: tuple[Site, str],
) -> None:
    site, output = counted
    assert "SyntaxError (1)\n    sub/bad.py\n      invalid syntax (bad.py, line 1)\n" in output
    assert "UnicodeDecodeError (1)\n    sub/latin.py\n      'utf-8' codec can't decode" in output
    failed = site.rows(
        "SELECT file.path, job.error_type, job.attempts FROM census_sourcefile file "
        "JOIN flowrra_django_taskrecord job USING (task_id) WHERE job.status = 'failed'"
    )
    assert sorted(failed) == [
        ("sub/bad.py", "builtins.SyntaxError", 1),
        ("sub/latin.py", "builtins.UnicodeDecodeError", 1),
    ]


def test_the_admin_shows_censuses_and_files(counted: tuple[Site, str]) -> None:
    site, _ = counted
    pages = site.manage("shell", "-v", "0", "-c", SHOW_ADMIN)
    assert pages.count(" 200\n") == 4
    assert "invalid syntax (bad.py, line 1)" in pages


def test_a_second_run_is_a_new_census(site: Site) -> None:
    for number in (1, 2):
        site.write(f"{number}.py", GOOD)
        assert f"Census {number} of {site.tree}" in site.manage("census", str(site.tree))
    kept = site.rows("SELECT json_extract(summary, '$.files') FROM census_census ORDER BY id")
    assert kept == [(1,), (2,)]
    assert f"Census 2 of {site.tree}" in site.manage("census", "--report")


def test_there_is_nothing_to_report_before_the_first_census(site: Site) -> None:
    with site.start("census", "--report") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("CommandError: There has been no census yet. Run one: ")


def test_in_a_terminal_a_bar_is_drawn(site: Site) -> None:
    site.write("good.py", GOOD)
    output = site.manage_in_terminal("census", str(site.tree))
    assert "━━━" in output
    assert f"Census 1 of {site.tree}" in output


def test_an_empty_tree_is_a_census_of_nothing(site: Site) -> None:
    output = site.manage("census", str(site.tree))
    assert "2 jobs in " in output
    assert "Longest" not in output


def test_jobs_that_run_twice_enqueue_and_count_once(site: Site) -> None:
    site.manage("migrate", "-v", "0")
    for number in range(5):
        site.write(f"{number}.py", GOOD)
    output = site.manage("shell", "-v", "0", "-c", RUN_TWICE.format(tree=str(site.tree)))
    assert output == "[5, 5] 5 5 1 5\n"


def test_files_that_are_found_just_now_are_not_lost(site: Site) -> None:
    site.manage("migrate", "-v", "0")
    output = site.manage("shell", "-v", "0", "-c", FOUND_MEANWHILE.format(tree=str(site.tree)))
    assert output == "None False 0\n"


def test_a_path_that_is_no_directory_is_refused(site: Site) -> None:
    with site.start("census", str(site.tree / "nowhere")) as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors == f"CommandError: There is no directory {site.tree / 'nowhere'}.\n"
