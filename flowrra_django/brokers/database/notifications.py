"""Hearing of other processes' commits from PostgreSQL: LISTEN, on a connection of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connections

from ...backends.listening import LOOK_SECONDS, ListeningThread

if TYPE_CHECKING:  # what Django has loaded for the database is used: others need no driver
    import psycopg

logger = logging.getLogger(__name__)

CHANNEL = "flowrra"
NOTIFY = f"NOTIFY {CHANNEL}"
PROOF_SECONDS = 2.0


class Notifications(ListeningThread):
    """Calls back, on a thread of its own, with what somebody notifies the channel of.

    It calls back with "" whenever it begins to listen, since something may have been missed.
    It is outside Django's pool, and opens a new connection when it has lost one. Behind a proxy
    that pools transactions nothing ever comes: it proves that what it sends itself arrives, and
    ends, saying so, if that does not.
    """

    def __init__(self, alias: str, heard: Callable[[str], None]) -> None:
        self._alias = alias
        self._driver = _driver_of(alias)
        self.losses = (self._driver.Error,)
        self._heard = heard
        self.is_deaf = False
        super().__init__()

    def listen(self) -> None:
        with self._connected() as connection:
            if not self._is_proven(connection):
                self._is_over.set()
                return
            self._heard("")  # something may have come before, or been taken for the proof
            while not self._is_over.is_set():
                for told in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                    self._heard(told.payload)

    def _is_proven(self, connection: psycopg.Connection[Any]) -> bool:
        with self._connected() as sender:
            sender.execute(NOTIFY)
            if any(True for _ in connection.notifies(timeout=PROOF_SECONDS, stop_after=1)):
                return True
        self.is_deaf = True
        logger.warning(
            "Notifications of DATABASES[%r] do not arrive, as behind a proxy that pools "
            "transactions. The database is polled instead; a direct connection is faster.",
            self._alias,
        )
        return False

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        parameters = connections[self._alias].get_connection_params()
        known = {
            name: value
            for name, value in parameters.items()
            if name not in {"pool", "server_side_binding", "cursor_factory", "context"}
        }
        with self._driver.connect(**known, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            yield connection


def listen_to(alias: str, heard: Callable[[str], None]) -> Notifications | None:
    """Return a listener; None for psycopg 2, which would have to be polled, as the database is."""
    return Notifications(alias, heard) if _driver_of(alias).__name__ == "psycopg" else None


def _driver_of(alias: str) -> Any:
    return connections[alias].Database  # type: ignore[attr-defined]
