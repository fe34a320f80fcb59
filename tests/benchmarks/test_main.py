"""The benchmark runs, at a size that says nothing about speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.benchmarks.__main__ import Run
from tests.benchmarks.ground import BrokenContestantError, Ground
from tests.benchmarks.limits import LIMIT
from tests.benchmarks.measuring import TINY, Figure
from tests.benchmarks.report import (
    OUR_TITLE,
    as_json,
    comparisons,
    growth,
    main as report_of,
    medians,
)  # fmt: skip
from tests.support import ROOT

EVERYWHERE = {"enqueue", "drain noop", "fan-out", "pick-up p50", "pick-up p99"}
OF_WORKERS = {
    "aenqueue", "enqueue_many", "start", "drain plain", "drain cpu", "idle RSS", "idle CPU",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What a run prints, and the file that it writes."""
    folder = tmp_path_factory.mktemp("benchmark")
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--size", "tiny", "--no-peers",
         "--store", "memory", "sqlite", "--backlog", "50", "--finished", "20",
         "--json", folder / "json"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "json").read_text())


def figures_of(data: dict[str, Any], store: str) -> dict[str, float]:
    return {
        each["measure"]: each["value"]
        for each in data["figures"]
        if (each["store"], each["contestant"]) == (store, OUR_TITLE)
    }


def test_every_measure_has_a_figure(made):
    _, data = made
    assert data["not measured"] == {}
    assert set(figures_of(data, "memory")) == EVERYWHERE
    more = {"drain 50", "drain 10,000 beside 20 ended"}
    assert set(figures_of(data, "sqlite")) == EVERYWHERE | OF_WORKERS | more


def test_the_table_has_a_line_for_each_figure(made):
    table, data = made
    rows = [line.split() for line in table.splitlines()]
    ours = figures_of(data, "sqlite")
    assert len([row for row in rows if row[:1] == ["sqlite"]]) == len(ours)


def test_a_small_gap_is_called_a_tie():
    [beside] = comparisons(
        [
            Figure(OUR_TITLE, "redis", "drain noop", 140.0),
            Figure("Any 3", "redis", "drain noop", 100.0),
            Figure(LIMIT, "redis", "drain noop", 280.0),
        ]
    )
    assert (beside.of_limit, beside.verdict) == ("0.50", "tie with Any 3 100/s")


@pytest.mark.parametrize(
    ("unit", "ours", "verdict"),
    [
        ("/s", 400.0, "4.0 × Any 3 100/s"),
        ("/s", 25.0, "behind: 0.25 × Any 3 100/s"),
        ("ms", 400.0, "behind: 0.25 × Any 3 100 ms"),
        ("ms", 25.0, "4.0 × Any 3 100 ms"),
    ],
)
def test_less_is_better_where_time_is_measured(unit, ours, verdict):
    both = [Figure(OUR_TITLE, "redis", "x", ours, unit), Figure("Any 3", "redis", "x", 100, unit)]
    assert comparisons(both)[0].verdict == verdict


def test_what_the_best_peer_does_not_keep_is_said():
    [beside] = comparisons(
        [
            Figure(OUR_TITLE, "redis+postgresql", "drain noop", 400.0),
            Figure("Huey 3", "redis", "drain noop", 100.0),
        ]
    )
    lost = "(on redis, keeps results; a job is lost with the worker that took it)"
    assert beside.verdict == f"4.0 × Huey 3 100/s {lost}"


def test_what_cannot_be_told_from_nothing_is_a_tie():
    both = [Figure(OUR_TITLE, "redis", "x", 0.0, "%"), Figure("Any 3", "redis", "x", 0.05, "%")]
    assert comparisons(both)[0].verdict == "tie with Any 3 0.05%"


def test_a_large_backlog_is_set_beside_a_small_one():
    drains = {"drain 10,000": 200.0, "drain 1,000,000": 180.0, "drain 10,000 beside 5 ended": 1.0}
    figures = [Figure(OUR_TITLE, "sqlite", name, value) for name, value in drains.items()]
    assert growth(figures) == [
        "sqlite: of the rate at a backlog of 10,000, 1,000,000 at 0.90",
    ]


def test_who_breaks_off_is_reported_and_the_others_are_measured(tmp_path):
    def broken():
        yield Figure("Any 3", "redis", "x", 1.0)
        raise BrokenContestantError("it fell over")

    run = Run(Ground(tmp_path, {}, {}), TINY, tmp_path / "json")
    run.attempt("Any 3, redis", broken)
    run.attempt("Other 4, redis", lambda: [Figure("Other 4", "redis", "x", 2.0)])
    told = json.loads((tmp_path / "json").read_text())
    assert [each["value"] for each in told["figures"]] == [1.0, 2.0]
    assert told["not measured"] == {"Any 3, redis": "it fell over"}


def test_files_of_several_runs_make_one_table(tmp_path, capsys):
    for name, measure in (("a", "enqueue"), ("b", "drain noop")):
        figures = [Figure(OUR_TITLE, "redis", measure, 5.0)]
        (tmp_path / name).write_text(json.dumps(as_json(figures, {}, {})))
    report_of([tmp_path / "a", tmp_path / "b"])
    told = capsys.readouterr().out
    assert "redis             enqueue" in told
    assert "redis             drain noop" in told


def test_the_median_of_the_rounds_counts():
    rounds = [Figure("a", "redis", "x", value) for value in (1.0, 9.0, 2.0)]
    assert medians(rounds) == [Figure("a", "redis", "x", 2.0)]
