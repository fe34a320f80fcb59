from __future__ import annotations

import json
from random import Random

from example_project.census.counting import FileCount
from example_project.census.summary import Counted, NotCounted, Outcome, Summary, summarise


def counted(path: str, *, length: int = 1, imports: tuple[str, ...] = ()) -> Counted:
    count = FileCount(
        lines=10,
        classes=1,
        functions=3,
        async_functions=2,
        longest_name=f"in_{path}",
        longest_line=4,
        longest_lines=length,
        imports=imports,
    )
    return Counted(path, count)


OUTCOMES: list[Outcome] = [
    counted("a", length=7, imports=("os", "sys")),
    counted("b", length=9, imports=("os",)),
    *(NotCounted(f"c{number}", "SyntaxError", "invalid") for number in range(8)),
    NotCounted("d", "UnicodeDecodeError", "bad byte"),
]


def test_figures_are_added_up_and_the_greatest_come_first() -> None:
    summary = summarise(OUTCOMES)
    assert (summary.files, summary.failed, summary.lines, summary.classes) == (11, 9, 20, 2)
    assert (summary.functions, summary.async_functions) == (6, 4)
    assert summary.longest == [(9, "b", 4, "in_b"), (7, "a", 4, "in_a")]
    assert summary.imports == [("os", 2), ("sys", 1)]


def test_failures_are_grouped_and_only_the_first_are_named() -> None:
    (many, number, examples), (one, once, only) = summarise(OUTCOMES).failures
    assert (many, number, len(examples)) == ("SyntaxError", 8, 5)
    assert (one, once, only) == ("UnicodeDecodeError", 1, [("d", "bad byte")])


def test_the_order_of_the_outcomes_makes_no_difference() -> None:
    mixed = OUTCOMES.copy()
    Random(1).shuffle(mixed)
    assert summarise(mixed) == summarise(OUTCOMES)


def test_a_summary_goes_through_json() -> None:
    summary = summarise(OUTCOMES)
    again = Summary.from_dict(json.loads(json.dumps(summary.to_dict())))
    assert json.dumps(again.to_dict()) == json.dumps(summary.to_dict())


def test_nothing_is_summed_up_as_nothing() -> None:
    assert summarise([]) == Summary(
        files=0, failed=0, lines=0, classes=0, functions=0, async_functions=0,
        longest=[], imports=[], failures=[],
    )  # fmt: skip
