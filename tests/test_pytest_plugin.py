"""The plugin in a project of its own, whose suite is written as a user would write it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib

import pytest

from tests.support import ROOT

PROJECT = ROOT / "tests" / "userproject"
PLUGIN = "flowrra_django.pytest_plugin"


def run(*arguments: str, **environment: str) -> str:
    """Run Python in the user's project; return what it printed, which must be no warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def run_pytest(*arguments: str, **environment: str) -> str:
    options = ["-c", "pytest.ini", "-p", "no:cacheprovider", "-p", "django", "-p", PLUGIN]
    return run("-m", "pytest", *options, *arguments, **environment)


@pytest.mark.parametrize("ledger", ["django://default", "django://jobs", "memory://shop"])
def test_a_projects_own_suite_passes_wherever_its_jobs_are_kept(ledger):
    assert "17 passed" in run_pytest("-q", SHOP_LEDGER=ledger)


def test_a_projects_own_suite_passes_under_djangos_test_runner():
    output = run("manage.py", "test")
    assert "Ran 9 tests" in output
    assert "\nOK\n" in output


def test_the_plugin_is_registered_and_loads_without_django():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"flowrra": PLUGIN}
    output = run("-c", f"import sys, {PLUGIN}; print('django' in sys.modules)")
    assert output == "False\n"
