"""Which of the scenarios run, and the table of what became of them."""

from __future__ import annotations

from itertools import chain

import pytest

from . import engines
from .report import promises, rows_of, table


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave all but the essential scenarios to a run that asks for this folder, or by marker."""
    if config.option.markexpr or any("faults" in argument for argument in config.args):
        return
    left_out = [item for item in items if _is_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = rows_of(chain.from_iterable(terminalreporter.stats.values()))
    if rows:
        terminalreporter.section("faults")
        for line in (*table(rows), "", *promises(rows)):
            terminalreporter.line(line)


def pytest_unconfigure() -> None:
    engines.close()


def _is_left_out(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("faults")
    if mark is None:
        return False
    params = item.callspec.params
    is_essential = mark.kwargs["is_essential"] and params["engine"] is engines.SQLITE
    return not is_essential or bool(params["switch"])
