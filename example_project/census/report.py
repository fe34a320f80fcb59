"""A finished census as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .models import Census
from .summary import Summary

OWN_JOBS = 2  # the one that collected the files, and the summary
MESSAGE_CHARS = 90


def render(census: Census) -> str:
    """Return the figures, the failures, and how fast it went."""
    summary = Summary.from_dict(census.summary)
    blocks = [str(census), *_tables(summary), *_failures(summary), _speed(census, summary)]
    return "\n\n".join(blocks)


def _tables(summary: Summary) -> Iterator[str]:
    figures = [
        ("files", f"{summary.files:,}", _of_them(summary.failed, "not counted")),
        ("lines", f"{summary.lines:,}", ""),
        ("classes", f"{summary.classes:,}", ""),
        ("functions", f"{summary.functions:,}", _of_them(summary.async_functions, "async")),
    ]
    yield _table(figures)
    if summary.longest:
        rows = [(name, f"{lines:,}", f"{path}:{no}") for lines, path, no, name in summary.longest]
        yield "Longest functions, in lines\n" + _table(rows)
    if summary.imports:
        rows = [(name, f"{number:,}", "") for name, number in summary.imports]
        yield "Imported most, by number of files\n" + _table(rows)


def _failures(summary: Summary) -> Iterator[str]:
    if not summary.failures:
        return
    lines = [f"Not counted: {summary.failed:,} of the files; their jobs failed"]
    for kind, number, examples in summary.failures:
        lines.append(f"  {kind} ({number:,})")
        lines.extend(f"    {path}\n      {_shortened(message)}" for path, message in examples)
        if number > len(examples):
            lines.append(f"    and {number - len(examples):,} more")
    yield "\n".join(lines)


def _speed(census: Census, summary: Summary) -> str:
    jobs = summary.files + OWN_JOBS
    if census.finished_at is None:
        return f"{jobs:,} jobs."
    seconds = (census.finished_at - census.started_at).total_seconds()
    return f"{jobs:,} jobs in {seconds:.1f} s, {jobs / seconds:,.0f} a second."


def _table(rows: Sequence[tuple[str, str, str]]) -> str:
    """Lay out rows of a name, a number and a remark."""
    names, numbers, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        f"  {name:<{names}}  {number:>{numbers}}  {remark}".rstrip()
        for name, number, remark in rows
    )


def _of_them(number: int, what: str) -> str:
    return f"({number:,} of them {what})" if number else ""


def _shortened(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= MESSAGE_CHARS else f"{line[: MESSAGE_CHARS - 1]}…"
