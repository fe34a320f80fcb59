"""What minutes of work came to, in the table of `MinuteStat`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import orjson
from django.db.backends.utils import CursorWrapper

from ...models import MinuteStat
from ...tally import ALL_QUEUES, Ended, Histogram, Minute, added, totals_of
from ..batches import batches
from .engine import placeholders
from .workers import DatabaseWorkers

MINUTES = MinuteStat._meta.db_table
MINUTE_LENGTH = timedelta(minutes=1)
LEAD = timedelta(minutes=10)  # of the clock of a worker

# Figures. Parameters: a minute, a queue; a minute, queues; the figures, a minute, a queue.
OPEN_MINUTE = f"""
INSERT INTO {MINUTES} (minute, queue, succeeded, failed, waited, ran)
VALUES (%s, %s, 0, 0, '{{{{}}}}', '{{{{}}}}') {{unless_there}}
"""
MINUTE_COLUMNS = "minute, queue, succeeded, failed, waited, ran"
MINUTE = f"""
SELECT {MINUTE_COLUMNS} FROM {MINUTES} WHERE minute = %s AND queue IN ({{queues}})
ORDER BY queue {{locked}}
"""
SET_MINUTE = f"""
UPDATE {MINUTES} SET succeeded = %s, failed = %s, waited = %s, ran = %s
WHERE minute = %s AND queue = %s
"""
# The figures of all queues together stand under a name that no queue has.
MINUTES_SINCE = (
    f"SELECT {MINUTE_COLUMNS} FROM {MINUTES} WHERE minute >= %s AND queue <> '{ALL_QUEUES}'"
)
ENDED = f"""
SELECT queue, sum(succeeded), sum(failed) FROM {MINUTES}
WHERE minute >= %s AND queue <> '{ALL_QUEUES}' GROUP BY queue
"""
# Each by itself: among the minutes of many queues, they would be looked for.
TOTALS = f"""
SELECT {MINUTE_COLUMNS} FROM {MINUTES} WHERE minute IN ({{minutes}}) AND queue = '{ALL_QUEUES}'
"""
PRUNE_MINUTES = f"DELETE FROM {MINUTES} WHERE minute < %s"


class DatabaseMinutes(DatabaseWorkers):
    """The part of the ledger that keeps figures.

    Workers that count the same minute wait for each other, for as long as a few short statements
    take; they come in the same order, so that none waits for ever.
    """

    def add_minutes(self, minutes: Sequence[Minute]) -> None:
        ordered = sorted([*totals_of(minutes), *minutes], key=_key)
        with self.engine.writing() as cursor:
            keys = [(self.engine.parameter(new.minute), new.queue) for new in ordered]
            cursor.executemany(self.engine.render(OPEN_MINUTE), keys)
            for moment, group in groupby(ordered, key=lambda new: new.minute):
                self._add(cursor, moment, {new.queue: new for new in group})

    def minutes(self, since: datetime) -> list[Minute]:
        with self.engine.reading() as cursor:
            cursor.execute(MINUTES_SINCE, [self.engine.parameter(since)])
            return self._read(cursor.fetchall())

    def totals(self, since: datetime) -> list[Minute]:
        rows: list[Any] = []
        with self.engine.reading() as cursor:
            for moments in batches(_minutes_between(since, self.engine.clock() + LEAD)):
                cursor.execute(
                    TOTALS.format(minutes=placeholders(moments)),
                    [self.engine.parameter(moment) for moment in moments],
                )
                rows += cursor.fetchall()
        return self._read(rows)

    def ended(self, since: datetime) -> dict[str, Ended]:
        with self.engine.reading() as cursor:
            cursor.execute(ENDED, [self.engine.parameter(since)])
            return {queue: Ended(int(done), int(failed)) for queue, done, failed in cursor}

    def prune_minutes(self, older_than: float) -> None:
        with self.engine.writing() as cursor:
            cursor.execute(PRUNE_MINUTES, [self.engine.moment(-older_than)])

    def _read(self, rows: Sequence[Any]) -> list[Minute]:
        moments = self.engine.read_moments([row[0] for row in rows])
        found = [_minute(moment, row) for moment, row in zip(moments, rows, strict=True)]
        return sorted(found, key=_key)

    def _add(self, cursor: CursorWrapper, moment: datetime, new: dict[str, Minute]) -> None:
        at = self.engine.parameter(moment)
        of_minute = self.engine.render(MINUTE, queues=placeholders(new))
        cursor.execute(of_minute, [at, *sorted(new)])
        known = [_minute(moment, row) for row in cursor.fetchall()]
        sums = [added(each, new[each.queue]) for each in known]
        cursor.executemany(SET_MINUTE, [(*_figures(each), at, each.queue) for each in sums])


def _minutes_between(since: datetime, until: datetime) -> list[datetime]:
    first = since.replace(second=0, microsecond=0)
    first += MINUTE_LENGTH * (first < since)
    return [
        first + MINUTE_LENGTH * number for number in range((until - first) // MINUTE_LENGTH + 1)
    ]


def _key(minute: Minute) -> tuple[datetime, str]:
    return minute.minute, minute.queue


def _minute(moment: datetime, row: Sequence[Any]) -> Minute:
    _, queue, succeeded, failed, waited, ran = row
    return Minute(moment, queue, succeeded, failed, _histogram(waited), _histogram(ran))


def _figures(minute: Minute) -> tuple[int, int, str, str]:
    return minute.succeeded, minute.failed, _text(minute.waited), _text(minute.ran)


def _text(histogram: Histogram) -> str:
    return orjson.dumps(histogram, option=orjson.OPT_NON_STR_KEYS).decode()


def _histogram(text: str) -> Histogram:
    return {int(bucket): count for bucket, count in orjson.loads(text).items()}
