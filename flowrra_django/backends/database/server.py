"""What the engines that are servers have in common: a clock of their own, and real locks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import Lock
from typing import ClassVar

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from .engine import Engine

SURE_SECONDS = 15.0


class ServerClock:
    """A server's time, asked for now and then, and carried on in between.

    Between two questions it goes by the machine's monotonic clock, so that nobody who sets the
    clock of a machine, or has it wrong, changes anything.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._asked_at = float("-inf")
        self._answer = datetime.min.replace(tzinfo=UTC)

    def now(self, ask: Callable[[], datetime]) -> datetime:
        """Return the time; `ask` asks the server, which is done once in SURE_SECONDS."""
        if self._seconds() - self._asked_at > SURE_SECONDS:
            self.set(ask)
        with self._lock:
            return self._answer + timedelta(seconds=self._seconds() - self._asked_at)

    def set(self, ask: Callable[[], datetime]) -> None:
        """Ask now. What the answer took on its way is taken for half of the time it took."""
        before = self._seconds()
        answer = ask()
        after = self._seconds()
        with self._lock:
            self._asked_at, self._answer = (before + after) / 2, answer


@cache
def clock_of(alias: str) -> ServerClock:
    """Return the clock that all of this process share."""
    return ServerClock()


class Server(Engine):
    """A database server. Its own clock is that of the ledger."""

    ask_time: ClassVar[str]
    """The statement that gives the server's time now, not of a transaction's start: naive UTC."""

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.clock = lambda: clock_of(self.alias).now(self._ask_time)

    def _ask_time(self) -> datetime:
        with self.reading() as cursor:
            cursor.execute(self.ask_time)
            now: datetime = cursor.fetchone()[0]
            return now.replace(tzinfo=UTC)

    @contextmanager
    def writing(self) -> Iterator[CursorWrapper]:
        """Give a cursor inside a transaction, or inside the caller's as a part of that."""
        with (
            self.mending(),
            transaction.atomic(using=self.alias),
            self.connection.cursor() as cursor,
        ):
            yield cursor
