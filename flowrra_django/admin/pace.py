"""How fast jobs of each queue come and end, and when what waits would have ended at that pace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .. import runtime
from ..asking import MOST
from ..backends.database import browsing
from ..tally import Ended, Minute
from .elsewhere import is_elsewhere
from .words import duration, rate

LOOKED_AT = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
MANY = 0.1  # of those that ended


@dataclass(frozen=True, slots=True)
class Pace:
    """How many jobs of a queue came and ended a minute; `came` is None where nobody can tell.

    `is_capped`: more may have come, which were not counted.
    """

    came: float | None = None
    ended: float = 0.0
    is_capped: bool = False

    def words(self, waiting: int) -> dict[str, str]:
        """Say both, and when so many that wait would have ended, if no more came."""
        came = "-" if self.came is None else rate(self.came)
        return {
            "came": f"{came} or more" if self.is_capped else came,
            "ended": rate(self.ended),
            "empty_in": self._empty_in(waiting),
        }

    def _empty_in(self, waiting: int) -> str:
        if not (waiting and self.ended):
            return "-"
        length = duration(MINUTE * (waiting / self.ended))
        return f"more than {length}" if waiting >= MOST else length


class Failures(NamedTuple):
    """How many of the jobs of a queue that ended have failed."""

    queue: str
    failed: int
    ended: int

    @property
    def told(self) -> str:
        jobs = f"{self.ended:,} job{'s' * (self.ended > 1)}"
        return f"{self.failed:,} of {jobs} of queue {self.queue!r} failed in the last hour."


def paces(queues: Collection[str]) -> Mapping[str, Pace]:
    """Return the pace of each queue over the last minutes."""
    now = datetime.now(UTC)
    since = (now - LOOKED_AT).replace(second=0, microsecond=0)
    minutes = runtime.get_stores().backend.minutes(since)
    came = {} if is_elsewhere() else browsing.arrived(runtime.ledger_alias(), queues, since)
    return {
        queue: Pace(
            came[queue] / ((now - since) / MINUTE) if queue in came else None,
            _ended([minute for minute in minutes if minute.queue == queue], now),
            came.get(queue, 0) > browsing.WINDOW,
        )
        for queue in queues
    }


def failing(ended: Mapping[str, Ended]) -> list[Failures]:
    """Return of which queues many failed of the jobs that ended."""
    found = [Failures(queue, each.failed, sum(each)) for queue, each in sorted(ended.items())]
    return [each for each in found if each.failed and each.failed >= each.ended * MANY]


def _ended(minutes: Collection[Minute], now: datetime) -> float:
    """Return how many ended a minute since the first of these minutes, which may not be full."""
    if not minutes:
        return 0.0
    length = max(now - min(minute.minute for minute in minutes), MINUTE)
    return sum(minute.succeeded + minute.failed for minute in minutes) / (length / MINUTE)
