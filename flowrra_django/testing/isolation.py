"""The test's connections, lent to a job as though they were its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ..exceptions import FlowrraError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a connection stood: how many atomic blocks deep, how many callbacks it had to call.

    `savepoint` is where the job began; None if no transaction was open.
    """

    depth: int = 0
    callbacks: int = 0
    savepoint: str | None = None


@contextmanager
def isolated() -> Iterator[None]:
    """Run a job's code in this, so that no transaction of it outlives it.

    What the job left open is rolled back. Inside a transaction of the test the job has a
    savepoint, which is kept unless the job broke it, whether it raised or not: its own connection
    would have committed what came before. Then the callbacks that it gave to `on_commit` are
    called. Raises what they raise.
    """
    marks = {c.alias: _marked(c) for c in connections.all(initialized_only=True)}
    try:
        yield
    finally:
        for connection in connections.all(initialized_only=True):
            _restore(connection, marks.get(connection.alias, Mark()))
    for alias, mark in marks.items():
        if mark.savepoint is not None:
            _call_back(connections[alias], mark.callbacks)


def _marked(connection: BaseDatabaseWrapper) -> Mark:
    if not connection.in_atomic_block:
        return Mark()
    return Mark(
        depth=len(connection.atomic_blocks),
        callbacks=len(connection.run_on_commit),
        # Not an atomic block: a durable one in the job's code would refuse to be nested in it.
        savepoint=connection.savepoint(),
    )


def _restore(connection: BaseDatabaseWrapper, mark: Mark) -> None:
    for block in reversed(connection.atomic_blocks[mark.depth :]):
        block.__exit__(FlowrraError, FlowrraError("The job left this block open."), None)
    if mark.savepoint is not None:
        _end_savepoint(connection, mark.savepoint, mark.callbacks)
    elif connection.connection is not None and connection.autocommit != _configured(connection):
        connection.rollback()
        connection.set_autocommit(_configured(connection))


def _configured(connection: BaseDatabaseWrapper) -> bool:
    return bool(connection.settings_dict["AUTOCOMMIT"])


def _end_savepoint(connection: BaseDatabaseWrapper, savepoint: str, callbacks: int) -> None:
    if connection.needs_rollback:
        transaction.set_rollback(False, connection.alias)
        connection.savepoint_rollback(savepoint)
        del connection.run_on_commit[callbacks:]
    connection.savepoint_commit(savepoint)


def _call_back(connection: BaseDatabaseWrapper, start: int) -> None:
    """Call what was given to `on_commit` since, and what that gives to it in turn."""
    waiting: list[Any] = connection.run_on_commit
    while added := waiting[start:]:
        del waiting[start:]
        for _, callback, is_robust in added:
            try:
                callback()
            except Exception:
                if not is_robust:
                    raise
                logger.exception("A robust on_commit callback failed.")
