"""What processes that run tests keep on one machine has names of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import names
from tests.support import ROOT

ASK = "from tests.names import FOLDER, NAME; print(FOLDER.is_dir(), FOLDER, NAME)"
ASK_AND_LET_ONE_ASK = f"""
{ASK}
import subprocess, sys
subprocess.run([sys.executable, "-c", {ASK!r}], check=True)
"""


def answers(code: str, **environment: str) -> list[list[str]]:
    """Return what a process says, and the processes that it starts."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [line.split() for line in done.stdout.splitlines()]


def test_the_processes_that_a_test_starts_find_what_is_its_own():
    assert answers(ASK) == [["True", str(names.FOLDER), names.NAME]]


def test_a_worker_of_pytest_xdist_has_names_other_than_those_of_who_started_it():
    first, second = answers(ASK_AND_LET_ONE_ASK, PYTEST_XDIST_WORKER="gw99")
    assert first == second
    is_there, folder, name = first
    assert is_there == "True"
    assert folder != str(names.FOLDER)
    assert name != names.NAME
    assert not Path(folder).exists()  # it goes with who made it
