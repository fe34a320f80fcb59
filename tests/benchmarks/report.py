"""From figures to a table and JSON.

`python -m tests.benchmarks.report FILE…` prints one table of the files of several runs.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.contestants import IN_MEMORY, OURS, PEERS, STORES
from tests.benchmarks.limits import LIMIT
from tests.benchmarks.measuring import Figure

TIE = 1.5
ROW = "{:17} {:18} {:>11} {:>11} {:>6}  {}"
LESS_IS_BETTER = {"ms", "s", "MB", "%"}
LEAST = {"%": 0.1, "ms": 0.01}
BACKLOG = re.compile(r"drain ([\d,]+)")
KEEPS = {(each.name, each.store): each.keeps for each in (*IN_MEMORY, *OURS, *PEERS)}
OUR_TITLE = OURS[0].title


@dataclass(frozen=True)
class Comparison:
    """A median of ours beside the machine's limit and the best peer of the same store."""

    ours: Figure
    limit: Figure | None
    best: Figure | None

    @property
    def of_limit(self) -> str:
        return f"{self.ours.value / self.limit.value:.2f}" if self.limit else "–"

    @property
    def verdict(self) -> str:
        """Say how many times better or worse we are than the best peer; a small gap is a tie."""
        if self.best is None:
            return "no peer here"
        factor = told_apart(self.ours) / told_apart(self.best)
        if self.ours.unit in LESS_IS_BETTER:
            factor = 1 / factor
        of_whom = f"{self.best.contestant} {shown(self.best)}{self._what_it_keeps(self.best)}"
        if 1 / TIE < factor < TIE:
            return f"tie with {of_whom}"
        return f"{factor:.1f} × {of_whom}" if factor > 1 else f"behind: {factor:.2f} × {of_whom}"

    def _what_it_keeps(self, best: Figure) -> str:
        keeps = keeps_of(best.contestant, best.store)
        where = "" if best.store == self.ours.store else f"on {best.store}, "
        return f" ({where}keeps {keeps})" if keeps else ""


def keeps_of(contestant: str, store: str) -> str:
    """Return what a contestant, with its version, keeps and promises; "" for the bare machine."""
    return KEEPS.get((contestant.partition(" ")[0], store), "")


def told_apart(figure: Figure) -> float:
    """Return the value, or the least that can be told from none."""
    return max(figure.value, LEAST.get(figure.unit, 1e-9))


def shown(figure: Figure) -> str:
    digits = 0 if figure.value >= 100 else 2
    return f"{figure.value:,.{digits}f} {figure.unit}".replace(" /s", "/s").replace(" %", "%")


def medians(figures: Iterable[Figure]) -> list[Figure]:
    """Return one figure for each that was measured in several rounds."""
    values: defaultdict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for each in figures:
        values[each.contestant, each.store, each.measure, each.unit].append(each.value)
    return [Figure(*key[:3], median(found), key[3]) for key, found in values.items()]


def comparisons(figures: Iterable[Figure]) -> list[Comparison]:
    by_place: defaultdict[tuple[str, str], list[Figure]] = defaultdict(list)
    for each in figures:
        by_place[each.store, each.measure].append(each)
    return [
        Comparison(each, _limit(same), _best(same, by_place, each))
        for same in by_place.values()
        for each in same
        if each.contestant == OUR_TITLE
    ]


def _limit(same: Iterable[Figure]) -> Figure | None:
    return next((each for each in same if each.contestant == LIMIT), None)


def _best(same: list[Figure], places: Mapping[Any, list[Figure]], ours: Figure) -> Figure | None:
    """Return the best peer on the store; over a database ledger, Redis' peers count too."""
    store = "redis" if ours.store == "redis+postgresql" else ours.store
    same = places.get((store, ours.measure), same)
    peers = [each for each in same if each.contestant not in {OUR_TITLE, LIMIT}]
    best = min if ours.unit in LESS_IS_BETTER else max
    return best(peers, key=lambda each: each.value, default=None)


def table(figures: list[Figure], skipped: Mapping[str, str]) -> str:
    lines = [ROW.format("store", "measure", "ours", "limit", "ratio", "beside the best peer")]
    for each in comparisons(figures):
        limit = shown(each.limit) if each.limit else "–"
        ours = each.ours
        lines.append(
            ROW.format(ours.store, ours.measure, shown(ours), limit, each.of_limit, each.verdict)
        )
    lines += [*growth(figures), "", "All that was measured:"]
    for store in STORES:
        lines += _all_of(store, figures)
    lines += [f"not measured: {who}: {why}" for who, why in skipped.items()]
    return "\n".join(lines)


def growth(figures: Iterable[Figure]) -> list[str]:
    """Say of each backlog how its rate stands to that of the smallest one."""
    rates: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for each in figures:
        if found := BACKLOG.fullmatch(each.measure):
            rates[each.store][int(found[1].replace(",", ""))] = each.value
    lines = []
    for store, of_store in rates.items():
        (least, rate), *others = sorted(of_store.items())
        told = [f"{count:,} at {value / rate:.2f}" for count, value in others]
        if told:
            lines.append(f"{store}: of the rate at a backlog of {least:,}, {', '.join(told)}")
    return lines


def _all_of(store: str, figures: Iterable[Figure]) -> list[str]:
    by_contestant: defaultdict[str, list[str]] = defaultdict(list)
    for each in figures:
        if each.store == store:
            by_contestant[each.contestant].append(f"{each.measure} {shown(each)}")
    lines = []
    for who, found in by_contestant.items():
        keeps = keeps_of(who, store) or "keeps and promises nothing"
        lines += [f"  {store}, {who} ({keeps})", f"    {'; '.join(found)}"]
    return lines


def as_json(figures: Iterable[Figure], skipped: Mapping[str, str], about: Any) -> dict[str, Any]:
    """Return what `figures_of` reads, and what else is to be known of a run."""
    return {
        "about": about,
        "figures": [{**asdict(each), "value": round(each.value, 3)} for each in figures],
        "keeps": {f"{who}, {store}": what for (who, store), what in KEEPS.items()},
        "not measured": dict(skipped),
    }


def figures_of(path: Path) -> list[Figure]:
    """Return the figures in a file that a run has written."""
    return [Figure(**each) for each in json.loads(path.read_text())["figures"]]


def main(paths: Iterable[Path]) -> None:
    figures, skipped = [], {}
    for path in paths:
        figures += figures_of(path)
        skipped |= json.loads(path.read_text())["not measured"]
    print(table(medians(figures), skipped))


if __name__ == "__main__":
    main(map(Path, sys.argv[1:]))
