"""Times and amounts in words."""

from __future__ import annotations

from datetime import datetime, timedelta

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration(length: timedelta) -> str:
    """Say how long: `<1 ms`, `12 ms`, `3.2 s`, `4 min 10 s`, `3 d 4 h`; never negative."""
    milliseconds = length // timedelta(milliseconds=1)
    if milliseconds < 1:
        return "<1 ms"
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds // 100 / 10} s"
    return _in_units(milliseconds // 1_000)


def ago(moment: datetime, at: datetime) -> str:
    """Say how long ago a moment was, or in how long it comes, seen from `at`."""
    return f"in {duration(moment - at)}" if moment > at else f"{duration(at - moment)} ago"


def rate(number: float) -> str:
    """Say how many a minute: `0`, `0.4`, `12`, `2,300`."""
    return f"{number:,.0f}" if number >= 10 or not number else f"{number:,.2g}"


def _in_units(seconds: int) -> str:
    """Give the largest unit and the one below it."""
    at = next(index for index, (size, _) in enumerate(UNITS) if seconds >= size)
    (size, unit), *below = UNITS[at : at + 2]
    first, rest = divmod(seconds, size)
    second = [f"{rest // size} {unit}" for size, unit in below if rest >= size]
    return " ".join([f"{first} {unit}", *second])
