"""What minutes of work came to: how many jobs ended, how long they waited and ran."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import log2
from typing import NamedTuple

ALL_QUEUES = ""  # no queue is called so
KEPT_SECONDS = 3 * 86_400
STEPS = 4  # buckets from one duration to its double: a quantile is right to a tenth

Histogram = Mapping[int, int]
"""How many durations fall into each bucket."""


class End(NamedTuple):
    """How one job ended. Durations are in seconds, None for one that is not known, or not fair."""

    at: datetime
    queue: str
    is_success: bool
    waited: float | None
    ran: float | None


@dataclass(frozen=True, slots=True)
class Minute:
    """What one minute of one queue came to."""

    minute: datetime
    queue: str
    succeeded: int = 0
    failed: int = 0
    waited: Histogram = field(default_factory=dict)
    ran: Histogram = field(default_factory=dict)


class Ended(NamedTuple):
    """How many jobs did."""

    succeeded: int
    failed: int


def ended_of(minutes: Iterable[Minute]) -> dict[str, Ended]:
    """Return how many jobs of each queue ended in these minutes."""
    found: dict[str, Ended] = {}
    for each in minutes:
        succeeded, failed = found.get(each.queue, Ended(0, 0))
        found[each.queue] = Ended(succeeded + each.succeeded, failed + each.failed)
    return found


def summed(ends: Iterable[End]) -> list[Minute]:
    """Return the minutes of these ends, in order."""
    groups: defaultdict[tuple[datetime, str], list[End]] = defaultdict(list)
    for end in ends:
        groups[end.at.replace(second=0, microsecond=0), end.queue].append(end)
    return [_minute(*key, group) for key, group in sorted(groups.items())]


def totals_of(minutes: Iterable[Minute]) -> list[Minute]:
    """Return what each minute came to on all queues together, in order."""
    totals: dict[datetime, Minute] = {}
    for minute in minutes:
        new = replace(minute, queue=ALL_QUEUES)
        known = totals.get(minute.minute)
        totals[minute.minute] = added(known, new) if known else new
    return [totals[moment] for moment in sorted(totals)]


def merged(*histograms: Histogram) -> Counter[int]:
    """Return what all of them count."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        total.update(histogram)
    return total


def added(one: Minute, other: Minute) -> Minute:
    """Return what both have counted of the same minute and queue."""
    return Minute(
        one.minute,
        one.queue,
        one.succeeded + other.succeeded,
        one.failed + other.failed,
        merged(one.waited, other.waited),
        merged(one.ran, other.ran),
    )


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration; all up to a millisecond fall into the first."""
    return int(STEPS * log2(max(1.0, seconds * 1_000)))


def quantile(histogram: Histogram, share: float) -> float | None:
    """Return what that share of the durations did not exceed, in seconds; None without any."""
    rank = share * sum(histogram.values())
    for bucket in sorted(histogram):
        rank -= histogram[bucket]
        if rank <= 0:
            return float(2 ** ((bucket + 0.5) / STEPS) / 1_000)
    return None


def _minute(minute: datetime, queue: str, ends: list[End]) -> Minute:
    succeeded = sum(end.is_success for end in ends)
    return Minute(
        minute,
        queue,
        succeeded,
        len(ends) - succeeded,
        _histogram(end.waited for end in ends),
        _histogram(end.ran for end in ends),
    )


def _histogram(durations: Iterable[float | None]) -> Histogram:
    return Counter(bucket_of(seconds) for seconds in durations if seconds is not None)
