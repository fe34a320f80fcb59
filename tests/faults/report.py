"""The table that the fault suite prints at the end."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from .checker import Verdict

COLUMNS = ("engine", "fault", "jobs", "kills", "lost", "stuck", "doubled", "again")
OFF = "with the mechanism off"
NOT_RUN = "not run"
PROPERTY = "run of a scenario"


@dataclass(frozen=True, slots=True)
class Row:
    """One run of one scenario; `switch` names the mechanism that was off, "" if none was.

    `note` says why there are no runs of it with one off, where that is so.
    """

    engine: str
    fault: str
    switch: str
    verdict: Verdict
    promise: int
    test: str
    note: str = ""


def enter(row: Row, item: pytest.Item) -> None:
    """Note a run with the test that made it; as bytes, which pytest-xdist carries too."""
    item.user_properties.append((PROPERTY, pickle.dumps(row)))


def rows_of(reports: Iterable[object]) -> list[Row]:
    """Return what was noted in reports of tests, which may be among others."""
    return [
        pickle.loads(value)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines: one for each scenario, with what its runs without a mechanism came to."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.engine, _in_order(row.fault), row.switch)):
        grouped.setdefault((row.engine, row.fault), []).append(row)
    cells = [(*COLUMNS, OFF)]
    cells += [_cells(engine, fault, group) for (engine, fault), group in grouped.items()]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    for line in cells:
        yield "  ".join(
            _aligned(text, width) for text, width in zip(line, [*widths, 0], strict=True)
        )


def promises(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of what shows each promise of the design, and fails without what keeps it."""
    shown = [row for row in rows if row.promise]
    for row in sorted(shown, key=lambda row: (row.promise, row.engine, row.test, row.switch)):
        came = row.verdict.complaints
        found = f"without {row.switch}: {came or 'NOTHING'}" if row.switch else came or "holds"
        yield f"promise {row.promise}  {row.engine:16}  {row.test}  {found}"


def _cells(engine: str, fault: str, rows: list[Row]) -> tuple[str, ...]:
    whole = [row.verdict for row in rows if not row.switch]
    numbers = [NOT_RUN] + [""] * 5
    if whole:
        verdict = whole[-1]
        counts = (verdict.jobs, verdict.kills, verdict.lost, verdict.stuck, verdict.doubled)
        numbers = [*map(str, counts), str(verdict.again)]
    off = "; ".join(
        f"{row.switch or 'BROKEN'}: {row.verdict.complaints or 'NOTHING'}"
        for row in rows
        if row.switch or row.verdict.complaints
    )
    return (engine, fault, *numbers, off or rows[0].note)


def _aligned(text: str, width: int) -> str:
    return text.rjust(width) if text.isdigit() else text.ljust(width)


def _in_order(fault: str) -> tuple[int, str]:
    number = fault.split(maxsplit=1)[0]
    return (int(number), fault) if number.isdigit() else (99, fault)
