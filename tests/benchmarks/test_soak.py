"""The soak runs, for too short a time to say anything about growth."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.benchmarks.soak import table, verdict, waves
from tests.benchmarks.soaking.probes import TOLERANCES
from tests.benchmarks.soaking.trend import Trend
from tests.support import ROOT


def test_every_thing_that_could_grow_is_sampled_and_every_job_ends(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.soak", "--minutes", "0.1", "--rate", "20",
         "--json", tmp_path / "json"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "Every job has ended." in done.stdout, done.stderr
    told = json.loads((tmp_path / "json").read_text())
    assert set(told["series"]) == TOLERANCES.keys() | {"ledger rows"}
    assert told["about"]["not ended"] == 0 < told["about"]["jobs"]
    assert all(name in done.stdout for name in told["series"])


def trends(by: float) -> list[Trend]:
    samples = [(float(number), 50.0 + by * number) for number in range(100)]
    return [Trend("worker RSS MB", samples, 0.0, 1.0)]


def test_what_grows_is_named():
    assert verdict(trends(0.1), 0).startswith("It grows: worker RSS MB.")
    assert table(trends(0.1)).endswith("+360.0  grows")


def test_what_does_not_grow_is_called_flat():
    assert verdict(trends(0.0), 3).startswith("It is flat")
    assert verdict(trends(0.0), 3).endswith("3 jobs have not ended.")
    assert table(trends(0.0)).endswith("+0.0  flat")


def test_what_comes_between_two_prunings_is_no_growth():
    keys, megabytes = [(0.0, 900.0), (9.0, 1100.0)], [(0.0, 4.0), (9.0, 6.0)]
    assert waves({"ledger rows": keys}, 100.0)["ledger rows"] == 100.0
    of_redis = waves({"Redis keys": keys, "Redis MB": megabytes}, 100.0)
    assert (of_redis["Redis keys"], of_redis["Redis MB"]) == (100.0, 0.5)
