"""Changes of one's own that are made anew when the database has ended them for another's sake."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError

from .engine import Engine

TRIES = 20

R = TypeVar("R")


def despite_deadlocks(engine: Engine, change: Callable[[], R]) -> R:
    """Make a change; again after a deadlock, unless the transaction is the caller's."""
    for tries_left in reversed(range(TRIES)):
        try:
            return change()
        except DatabaseError as error:
            is_theirs = engine.connection.in_atomic_block  # and theirs to begin anew
            if is_theirs or not tries_left or not engine.is_deadlock(error):
                raise
            time.sleep(random.uniform(0.001, 0.02))  # noqa: S311 - chance, no secret
    raise AssertionError  # the last try returns or raises
