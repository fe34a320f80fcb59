from __future__ import annotations

import json

from tests.example.site import Site

GOOD = "import os\n\n\ndef longest():\n    return (\n        os.name\n    )\n\n\nclass Thing: ...\n"
BAD = "def (:\n"
NOT_UTF8 = b"x = 1\ny = 2\nz = '\xe4'\n"

# Whoever runs a job twice, as a worker does that is killed before it could say that it had ended.
RUN_TWICE = """
import asyncio
from example_project.census.models import Census
from example_project.census.tasks import FilesOpenError, begin, collect, write_summary
from flowrra_django.models import TaskRecord

def jobs(name):
    return TaskRecord.objects.filter(task_name__endswith=name).count()

census = begin({tree!r})
found = [asyncio.run(collect(census.pk)) for _ in range(2)]
try:
    write_summary(census.pk)
except FilesOpenError as error:
    print(found, census.files.count(), jobs("count_file"), jobs("write_summary"), error)
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


def test_a_census_counts_prints_and_can_be_run_again(site: Site) -> None:
    site.write("good.py", GOOD)
    site.write("sub/bad.py", BAD)
    site.write("sub/latin.py", NOT_UTF8)

    output = site.manage("census", str(site.tree))

    assert f"Census 1 of {site.tree}" in output
    figures = dict(line.split()[:2] for line in output.splitlines() if line.startswith("  "))
    assert {name: figures[name] for name in ("files", "lines", "classes", "functions")} == {
        "files": "3", "lines": "10", "classes": "1", "functions": "1",
    }  # fmt: skip
    assert (figures["longest"], figures["os"]) == ("4", "1")
    assert "SyntaxError (1)\n    sub/bad.py\n      invalid syntax (bad.py, line 1)" in output
    assert "UnicodeDecodeError (1)\n    sub/latin.py\n      'utf-8' codec can't decode" in output
    assert "5 jobs in " in output
    assert "manage.py createsuperuser" in output

    errors = dict(
        site.rows(
            "SELECT file.path, job.error_type FROM census_sourcefile file "
            "JOIN flowrra_django_taskrecord job USING (task_id) WHERE job.status = 'failed'"
        )
    )
    assert errors == {
        "sub/bad.py": "builtins.SyntaxError",
        "sub/latin.py": "builtins.UnicodeDecodeError",
    }

    (site.tree / "sub/bad.py").unlink()
    assert f"Census 2 of {site.tree}" in site.manage("census", str(site.tree))
    kept = [json.loads(row[0])["files"] for row in site.rows("SELECT summary FROM census_census")]
    assert kept == [3, 2]
    assert "Census 2 of" in site.manage("census", "--report")

    pages = site.manage("shell", "-v", "0", "-c", SHOW_ADMIN)
    assert pages.count(" 200\n") == 4
    assert "invalid syntax (bad.py, line 1)" in pages


def test_an_empty_tree_is_a_census_of_nothing(site: Site) -> None:
    output = site.manage("census", str(site.tree))
    assert "2 jobs in " in output
    assert "Longest" not in output


def test_jobs_that_run_twice_enqueue_and_count_once(site: Site) -> None:
    site.manage("migrate", "-v", "0")
    for number in range(5):
        site.write(f"{number}.py", GOOD)
    output = site.manage("shell", "-v", "0", "-c", RUN_TWICE.format(tree=str(site.tree)))
    assert output == "[5, 5] 5 5 1 5 of 5 files are still to be counted.\n"


def test_a_path_that_is_no_directory_is_refused(site: Site) -> None:
    with site.start("census", str(site.tree / "nowhere")) as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors == f"CommandError: There is no directory {site.tree / 'nowhere'}.\n"
