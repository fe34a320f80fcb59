"""Charts as SVG, drawn by the server: colours come from classes, so that any theme fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import NamedTuple

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ..tally import Histogram, Minute, merged, quantile
from .words import duration

WIDTH, HEIGHT = 380, 150
LEFT, RIGHT, TOP, BOTTOM = 58, 6, 8, 20
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
FLOOR = HEIGHT - BOTTOM

Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Point:
    """What some minutes of all queues came to."""

    start: datetime
    minutes: int
    succeeded: int
    failed: int
    waited: Histogram
    ran: Histogram


class Line(NamedTuple):
    """A line of a chart: the name of its class, and what share of the durations it is above."""

    name: str
    share: float


LINES = (Line("p50", 0.5), Line("p95", 0.95))


def points_of(minutes: Sequence[Minute], until: datetime, count: int, width: int) -> list[Point]:
    """Sum minutes up to points of `width` minutes, the last of which ends after `until`."""
    step = timedelta(minutes=width)
    end = until.replace(second=0, microsecond=0) + timedelta(minutes=1)
    starts = [end - step * (count - number) for number in range(count)]
    groups: list[list[Minute]] = [[] for _ in starts]
    for minute in minutes:
        at = (minute.minute - starts[0]) // step
        if 0 <= at < count:
            groups[at].append(minute)
    return [_point(start, width, group) for start, group in zip(starts, groups, strict=True)]


def jobs_chart(points: Sequence[Point]) -> SafeString:
    """Draw how many jobs a minute were done, and had failed."""
    most = max((p.succeeded + p.failed) / p.minutes for p in points)
    top = _round_up(most)
    bars = mark_safe("".join(_bars(points, top)))  # noqa: S308 - escaped above
    labels = [(FLOOR - PLOT_HEIGHT * part, f"{top * part:,.4g}") for part in (0, 0.5, 1)]
    return _chart(f"Jobs a minute, up to {most:,.3g}", points, labels, bars)


def times_chart(points: Sequence[Point], what: str, of: Callable[[Point], Histogram]) -> SafeString:
    """Draw the p50 and the p95 of durations, by powers of ten."""
    values = {line: [quantile(of(point), line.share) for point in points] for line in LINES}
    known = [seconds for each in values.values() for seconds in each if seconds is not None]
    low, high = _decades(known)

    def height(seconds: float) -> float:
        return FLOOR - PLOT_HEIGHT * (log10(seconds) - low) / (high - low)

    lines = format_html_join(
        "",
        '<path class="flowrra-line flowrra-{}" d="{}"></path>',
        ((line.name, _path(values[line], height)) for line in LINES),
    )
    labels = [(height(10**power), _power(power)) for power in range(low, high + 1)]
    return _chart(f"{what}, p50 and p95", points, labels, lines)


def told(histogram: Histogram) -> str:
    """Say the p50 and the p95 in words."""
    shares = {line.name: quantile(histogram, line.share) for line in LINES}
    return ", ".join(
        f"{name} {duration(timedelta(seconds=seconds))}"
        for name, seconds in shares.items()
        if seconds is not None
    )


def _point(start: datetime, width: int, group: Sequence[Minute]) -> Point:
    return Point(
        start,
        width,
        sum(minute.succeeded for minute in group),
        sum(minute.failed for minute in group),
        merged(*(minute.waited for minute in group)),
        merged(*(minute.ran for minute in group)),
    )


def _chart(
    title: str, points: Sequence[Point], labels: Sequence[tuple[float, str]], content: SafeString
) -> SafeString:
    grid = format_html_join(
        "",
        '<line class="flowrra-grid" x1="{}" x2="{}" y1="{}" y2="{}"></line>'
        '<text class="flowrra-axis" x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (LEFT, WIDTH - RIGHT, _number(y), _number(y), LEFT - 6, _number(y + 4), words)
            for y, words in labels
        ),
    )
    times = format_html_join(
        "", '<text class="flowrra-axis" x="{}" y="{}" text-anchor="{}">{}</text>', _times(points)
    )
    return format_html(
        '<svg class="flowrra-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>',
        WIDTH, HEIGHT, title, grid, times, content,
    )  # fmt: skip


def _times(points: Sequence[Point]) -> Iterator[tuple[str, int, str, str]]:
    places = ((0, "start"), (len(points) // 2, "middle"), (len(points) - 1, "end"))
    for at, anchor in places:
        x = _x(at + (anchor == "end"), len(points))
        yield _number(x), HEIGHT - 4, anchor, f"{timezone.localtime(points[at].start):%H:%M}"


def _bars(points: Sequence[Point], top: float) -> Iterator[str]:
    width = _number(PLOT_WIDTH / len(points) * 0.8)
    for at, point in enumerate(points):
        below = 0.0
        for name, count in (("failed", point.failed), ("done", point.succeeded)):
            height = PLOT_HEIGHT * count / point.minutes / top
            if count:
                yield format_html(
                    '<rect class="flowrra-bar flowrra-{}" x="{}" y="{}" width="{}" height="{}">'
                    "<title>{}</title></rect>",
                    name,
                    _number(_x(at, len(points))),
                    _number(FLOOR - below - height),
                    width,
                    _number(height),
                    f"{timezone.localtime(point.start):%H:%M}: {count:,} {name}",
                )
            below += height


def _path(values: Sequence[float | None], height: Scale) -> str:
    """Return a line through the values, with a gap where there is none."""
    steps, is_drawn = [], False
    for at, seconds in enumerate(values):
        if seconds is not None:
            x, y = _number(_x(at + 0.5, len(values))), _number(height(seconds))
            steps.append(f"{'L' if is_drawn else 'M'}{x} {y}" + ("" if is_drawn else "h.1"))
        is_drawn = seconds is not None
    return "".join(steps)


def _x(at: float, count: int) -> float:
    return LEFT + PLOT_WIDTH * at / count


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, …"""
    if value <= 1:
        return 1.0
    power = 10 ** floor(log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value))


def _power(power: int) -> str:
    return f"{10**power:,} s" if power >= 0 else f"{10 ** (power + 3):g} ms"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten that values lie between: two decades at least."""
    if not values:
        return -3, 0
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 2)
