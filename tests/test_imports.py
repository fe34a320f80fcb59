"""What the app brings into a process that has no use for it yet: none of the heavy modules."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support import ROOT

SITE = """
import json, sys
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", *{apps}],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
)
django.setup()
{then}
print(json.dumps([*sys.modules]))
"""
A_TASK = """
from flowrra_django import flowrra_task

@flowrra_task
def send(): ...
"""
APP = ["flowrra_django"]

HEAVY = {"channels_redis", "concurrent.futures.process", "multiprocessing", "psycopg", "redis"}
OF_WORKERS = {f"flowrra_django.{name}" for name in ("executors", "runners", "worker")}


def modules_of(apps: list[str], then: str) -> set[str]:
    """Return what a fresh process has imported that Django alone does not."""
    return imported(apps, then) - imported([], "")


def imported(apps: list[str], then: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SITE.format(apps=apps, then=then)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("apps", "then"), [([], A_TASK), (APP, ""), (APP, A_TASK)], ids=["a task", "the app", "both"]
)
def test_a_site_that_does_nothing_yet_imports_nothing_heavy(apps, then):
    found = modules_of(apps, then)
    assert "flowrra_django.runtime" in found
    assert found & (HEAVY | OF_WORKERS) == set()


def test_a_task_alone_needs_no_package_but_orjson():
    packages = {name.partition(".")[0] for name in modules_of([], A_TASK)}
    assert packages - sys.stdlib_module_names == {"flowrra_django", "orjson"}


def test_a_ledger_in_sqlite_needs_no_driver_of_another_store():
    found = modules_of(APP, "from flowrra_django import runtime; runtime.get_stores()")
    assert "flowrra_django.brokers.database" in found
    assert found & {"MySQLdb", "psycopg", "psycopg2", "pymysql", "redis"} == set()
