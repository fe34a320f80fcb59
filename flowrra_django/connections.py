"""Database connections around jobs: healthy before, and nothing left behind for the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections, reset_queries


@contextmanager
def fresh_connections() -> Iterator[None]:
    """Treat the calling thread's connections as a request would: checked before, tidied after."""
    reset_queries()
    close_old_connections()
    try:
        yield
    finally:
        _leave_nothing_open()
        close_old_connections()


class OwnThread(ThreadSensitiveContext):
    """Gives a coroutine a thread of its own for its ORM calls, with connections that end with it.

    No thread is started for a coroutine that makes none.
    """

    async def __aexit__(self, *error: object) -> None:
        try:
            if self in SyncToAsync.context_to_thread_executor:
                await sync_to_async(connections.close_all)()
        finally:
            await super().__aexit__(*error)  # type: ignore[no-untyped-call]


def _leave_nothing_open() -> None:
    """Roll back what a job left open, and forget the connection that it was left on."""
    for connection in connections.all(initialized_only=True):
        configured = connection.settings_dict["AUTOCOMMIT"]
        if connection.in_atomic_block or connection.autocommit != configured:
            _discard(connection.alias)
        elif connection.vendor == "sqlite":
            # It cannot tell whether it is usable, and a cursor left unread would hold back writes.
            connection.close()


def _discard(alias: str) -> None:
    raw = connections[alias].connection
    del connections[alias]
    if raw is not None:
        raw.close()
