"""Servers that tests start for themselves."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.runners.processes import is_running, started
from tests.support import until

START_ONE = """
from tests import servers
with servers.private("redis") as server:
    server.restart()
    print(server.process.pid, server.guard.pid, server.folder, flush=True)
    input()
"""


@pytest.fixture
def owner():
    """Run a process that has a server; give it with the server's pid, its guard's, its folder."""
    with started([sys.executable, "-c", START_ONE]) as script:
        line = script.process.stdout.readline()
        if not line:
            pytest.skip(script.finish()[1])
        server, guard, folder = line.split()
        yield script, int(server), int(guard), Path(folder)


def test_a_server_goes_with_the_process_that_started_it_even_if_that_is_killed(owner):
    script, server, guard, folder = owner
    assert is_running(server)
    assert folder.exists()
    os.kill(script.pid, signal.SIGKILL)
    until(lambda: not is_running(server) and not folder.exists() and not is_running(guard))


def test_a_server_that_is_taken_away_leaves_nothing(owner):
    script, server, guard, folder = owner
    script.finish()
    assert not is_running(server)
    assert not is_running(guard)
    assert not folder.exists()
