"""What more processes bring is measured, at a size that says nothing about speed."""

from __future__ import annotations

import pytest

from tests.benchmarks.contestants import OURS
from tests.benchmarks.ground import open_ground
from tests.benchmarks.processes import COUNTS, rate, show


@pytest.mark.parametrize("job", COUNTS)
def test_two_processes_drain_a_backlog_and_run_nothing_twice(job):
    (contestant,) = (each for each in OURS if each.store == "sqlite")
    with open_ground(set()) as ground:
        assert rate(contestant, ground, job, 200, 2) > 0


def test_each_rate_is_shown_beside_that_of_one_process(capsys):
    show({("sqlite", "noop", 1): [100.0, 300.0, 200.0], ("sqlite", "noop", 2): [300.0] * 3})
    assert "| sqlite | noop | 1 | 200 | 1.00 × | 100, 300, 200 |" in capsys.readouterr().out
    show({("sqlite", "noop", 1): [200.0] * 3, ("sqlite", "noop", 2): [300.0] * 3})
    assert "| sqlite | noop | 2 | 300 | 1.50 × | 300, 300, 300 |" in capsys.readouterr().out
