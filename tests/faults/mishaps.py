"""What goes wrong inside a process, where no signal and no broken cable can bring it about."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.db import OperationalError

from flowrra_django.backends.database import DatabaseBackend, sqlite
from flowrra_django.brokers.redis import leasing

from .patching import replace, replace_everywhere

EVERY = 7
HOUR = 3600.0


def lost_replies() -> None:
    """Every few times a transaction is committed, and who asked for it learns of an error."""
    writing, numbers = replace(sqlite.Sqlite, "writing", None), itertools.count(1)

    @contextmanager
    def writing_unheard(self):
        with writing(self) as cursor:
            yield cursor
        if next(numbers) % EVERY == 0 and not self.connection.in_atomic_block:
            lost = sqlite3.OperationalError("the reply was lost")
            lost.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise OperationalError("the reply was lost") from lost

    sqlite.Sqlite.writing = writing_unheard


def moved_clock() -> None:
    """The machine's clock is as many seconds ahead as the file that is named says."""
    now = replace(sqlite, "_now", None)
    file = Path(os.environ["FLOWRRA_TEST_CLOCK"])

    def moved():
        return now() + timedelta(seconds=float(file.read_text()))

    sqlite.Sqlite.__init__.__kwdefaults__["clock"] = moved


def own_clock_off() -> None:
    """Whoever asks this process for the time gets that of an hour later."""
    seconds = time.time
    time.time = lambda: seconds() + HOUR

    class AnyDatetime(type):
        def __instancecheck__(cls, instance):
            return isinstance(instance, datetime)

    class LaterDatetime(datetime, metaclass=AnyDatetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=HOUR)

    replace_everywhere(datetime, LaterDatetime)


def killed_between_take_and_claim() -> None:
    """A worker takes jobs from the index, and is gone before it asks the ledger for them."""
    replace(leasing, "LEASE_SECONDS", 2.0)
    replace(DatabaseBackend, "claim", lambda self, *_: os.kill(os.getpid(), signal.SIGKILL))


MISHAPS: dict[str, Callable[[], None]] = {
    "lost replies": lost_replies,
    "moved clock": moved_clock,
    "own clock off": own_clock_off,
    "killed between take and claim": killed_between_take_and_claim,
}


def bring_about(name: str) -> None:
    """Have the mishap of that name happen in this process, if one is given."""
    if name:
        MISHAPS[name]()
