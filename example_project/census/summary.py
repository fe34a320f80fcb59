"""From what became of each file to the figures of the whole tree. Plain values only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Any, Self

from .counting import FileCount

LONGEST = 5
MOST_IMPORTED = 10
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Counted:
    """A file whose job succeeded."""

    path: str
    count: FileCount


@dataclass(frozen=True, slots=True)
class NotCounted:
    """A file whose job did not: the name of the error's class, and its message."""

    path: str
    kind: str
    message: str


Outcome = Counted | NotCounted


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures, as they are kept in JSON.

    `longest` holds (lines, path, line, name), `imports` (module, number of files), both the
    greatest first; `failures` (kind of error, number of files, the first of them as path and
    message), the most frequent first.
    """

    files: int
    failed: int
    lines: int
    classes: int
    functions: int
    async_functions: int
    longest: Sequence[tuple[int, str, int, str]] = ()
    imports: Sequence[tuple[str, int]] = ()
    failures: Sequence[tuple[str, int, Sequence[tuple[str, str]]]] = ()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def summarise(outcomes: Iterable[Outcome]) -> Summary:
    """Add up what became of the files. The order of the outcomes makes no difference."""
    ordered = sorted(outcomes, key=attrgetter("path"))
    counted = [outcome for outcome in ordered if isinstance(outcome, Counted)]
    failed = [outcome for outcome in ordered if isinstance(outcome, NotCounted)]
    counts = [outcome.count for outcome in counted]
    return Summary(
        files=len(ordered),
        failed=len(failed),
        lines=sum(count.lines for count in counts),
        classes=sum(count.classes for count in counts),
        functions=sum(count.functions for count in counts),
        async_functions=sum(count.async_functions for count in counts),
        longest=_longest(counted),
        imports=_most_common(Counter(name for count in counts for name in count.imports)),
        failures=_grouped(failed),
    )


def _longest(counted: Iterable[Counted]) -> list[tuple[int, str, int, str]]:
    functions = (
        (file.count.longest_lines, file.path, file.count.longest_line, file.count.longest_name)
        for file in counted
        if file.count.functions
    )
    return sorted(functions, key=lambda function: -function[0])[:LONGEST]


def _most_common(names: Counter[str]) -> list[tuple[str, int]]:
    return sorted(names.items(), key=lambda item: (-item[1], item[0]))[:MOST_IMPORTED]


def _grouped(failed: Sequence[NotCounted]) -> list[tuple[str, int, list[tuple[str, str]]]]:
    kinds = Counter(file.kind for file in failed)
    return [
        (kind, number, [(f.path, f.message) for f in failed if f.kind == kind][:EXAMPLES])
        for kind, number in kinds.most_common()
    ]
