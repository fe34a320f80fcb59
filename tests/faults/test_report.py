"""The runs of scenarios come to the table by way of the reports of their tests."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from .checker import Verdict
from .report import Row, enter, rows_of

VERDICT = Verdict(
    jobs=3, kills=1, lost=0, stuck=0, doubled=2, again=1, others=Counter({"changed": 4})
)
ROW = Row("sqlite", "1 a fault", "fence", VERDICT, 4, "test_it")


def report_of(when: str, properties: list[tuple[str, object]]) -> pytest.TestReport:
    return pytest.TestReport(
        "test_it", ("", 0, ""), {}, "passed", None, when, (), 0.1, 0, 0.1, properties
    )


def test_what_a_test_has_entered_is_found_once_among_the_reports():
    test = SimpleNamespace(user_properties=[("another's", 1)])
    enter(ROW, test)
    reports = [report_of(when, test.user_properties) for when in ("setup", "call", "teardown")]
    assert rows_of([*reports, test]) == [ROW]
