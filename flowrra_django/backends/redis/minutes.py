"""What minutes of work came to: a hash for each hour, which goes after some days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
import redis

from ...tally import KEPT_SECONDS, Histogram, Minute
from ..base import BaseBackend
from .rows import EPOCH, MILLION, micros
from .server import RedisServer

HOUR = 3600


class RedisMinutes(BaseBackend):
    """The part of the ledger that keeps figures."""

    server: RedisServer

    def add_minutes(self, minutes: Sequence[Minute]) -> None:
        values = [value for minute in minutes for value in _row(minute)]
        self.server.run("count", KEPT_SECONDS, *values)

    def minutes(self, since: datetime) -> list[Minute]:
        first, last = _hour(since), self.server.run("clock") // MILLION // HOUR
        with self.server.client.pipeline(transaction=False) as pipeline:
            for hour in range(max(first, last - KEPT_SECONDS // HOUR), last + 1):
                pipeline.hgetall(f"{self.server.base}hour:{hour}")
            hours = pipeline.execute(raise_on_error=False)
        rows = [row for hour in hours for row in _items(hour)]
        found = (minute for row in rows if (minute := _minute(*row)) is not None)
        return sorted((m for m in found if m.minute >= since), key=lambda m: (m.minute, m.queue))

    def prune_minutes(self, older_than: float) -> None:
        """Leave it to Redis, by which the hours expire."""


def _hour(moment: datetime) -> int:
    return micros(moment) // MILLION // HOUR


def _row(minute: Minute) -> tuple[int, str, bytes]:
    name = f"{minute.minute.isoformat()} {minute.queue}"
    counts = {"succeeded": minute.succeeded, "failed": minute.failed}
    counts |= {f"waited {bucket}": count for bucket, count in minute.waited.items()}
    counts |= {f"ran {bucket}": count for bucket, count in minute.ran.items()}
    return _hour(minute.minute), name, orjson.dumps(counts)


def _items(hour: object) -> list[tuple[str, str]]:
    """Return what a hash holds; nothing of a key that somebody has spoilt."""
    if isinstance(hour, Exception) and not isinstance(hour, redis.ResponseError):
        raise hour
    return list(hour.items()) if isinstance(hour, dict) else []


def _minute(name: str, text: str) -> Minute | None:
    moment, _, queue = name.partition(" ")
    try:
        counts: dict[str, int] = orjson.loads(text)
        return Minute(
            datetime.fromisoformat(moment).astimezone(EPOCH.tzinfo),
            queue,
            int(counts.get("succeeded", 0)),
            int(counts.get("failed", 0)),
            _histogram("waited ", counts),
            _histogram("ran ", counts),
        )
    except (ValueError, TypeError, AttributeError):  # somebody else has written it
        return None


def _histogram(prefix: str, counts: Mapping[str, int]) -> Histogram:
    return {
        int(name.removeprefix(prefix)): int(count)
        for name, count in counts.items()
        if name.startswith(prefix)
    }
