"""A comparison as an SVG: `python -m tests.benchmarks.picture b.json docs/benchmarks.svg`.

One bar for each worker, in groups by store. What it draws on is a part of it, so that it can be
read on a light and on a dark page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from tests.benchmarks.contestants import STORES
from tests.benchmarks.limits import LIMIT
from tests.benchmarks.measuring import Figure
from tests.benchmarks.report import OUR_TITLE, figures_of, keeps_of

MEASURE = "drain noop"
TITLE = "Jobs a second, drained by one worker process"
NOTE = "Jobs that do nothing, all waiting before it starts; beside each what it keeps."
NAMES = {
    "sqlite": "On SQLite",
    "postgresql": "On PostgreSQL",
    "redis+postgresql": "On Redis, with results in PostgreSQL",
    "redis": "On Redis",
}

WIDTH, EDGE, LEFT, LONGEST = 800, 16, 176, 290
BAR, ROW, GROUP = 14, 22, 34
STYLE = """\
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f }
.page { fill: #fff; stroke: #d0d7de } .ours { fill: #1a7f5a } .peer { fill: #8c959f }
.title { font-size: 15px; font-weight: 600 } .store { font-weight: 600 }
.note { font-size: 11px; fill: #57606a }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .page { fill: #0d1117; stroke: #30363d } .ours { fill: #3fb984 }
  .peer { fill: #6e7681 } .note { fill: #9da7b1 }
}"""

Groups = Mapping[str, list[Figure]]


def picture(figures: Iterable[Figure]) -> str:
    """Draw how many jobs a second each worker drains."""
    drains = [each for each in figures if (each.measure, each.unit) == (MEASURE, "/s")]
    groups = {store: _workers(drains, store) for store in STORES if store in NAMES}
    longest = max((each.value for group in groups.values() for each in group), default=1.0)
    parts, y = [_text(EDGE, 28, TITLE, "title"), _text(EDGE, 46, NOTE, "note")], 52
    for store, group in groups.items():
        if group:
            y += GROUP
            parts.append(_text(EDGE, y - 8, NAMES[store], "store"))
        for each in group:
            parts += _bar(y, each, LONGEST * each.value / longest)
            y += ROW
    return "\n".join([*_head(y + EDGE, groups), *parts, "</svg>\n"])


def _workers(drains: Iterable[Figure], store: str) -> list[Figure]:
    """Return the workers on a store, the fastest first."""
    found = [each for each in drains if each.store == store and each.contestant != LIMIT]
    return sorted(found, key=lambda each: -each.value)


def _head(height: int, groups: Groups) -> list[str]:
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    told = [
        f"{NAMES[store]}: " + ", ".join(f"{each.contestant} {each.value:,.0f}" for each in group)
        for store, group in groups.items()
        if group
    ]
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
        f'<title id="title">{TITLE}</title>',
        f'<desc id="desc">{escape("; ".join(told))}.</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
    ]


def _bar(y: int, figure: Figure, width: float) -> list[str]:
    kind = "ours" if figure.contestant == OUR_TITLE else "peer"
    where = f'x="{LEFT}" y="{y}" width="{max(width, 1):.1f}" height="{BAR}" rx="2"'
    value = f"{figure.value:,.0f}"
    after = LEFT + width + 8
    keeps = keeps_of(figure.contestant, figure.store)
    return [
        _text(EDGE, y + 11, figure.contestant),
        f'<rect class="{kind} bar" {where}/>',
        _text(after, y + 11, value),
        _text(after + 8 + 7 * len(value), y + 11, keeps, "note"),
    ]


def _text(x: float, y: int, words: str, kind: str = "name") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(words)}</text>'


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(picture(figures_of(Path(sys.argv[1]))))
