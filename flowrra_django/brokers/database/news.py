"""How a worker learns of what other processes commit to the database."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import Error

from ...backends.database.engine import Engine
from ...backends.listening import Listener
from .inotify import watch_files
from .notifications import NOTIFY, Notifications, listen_to

logger = logging.getLogger(__name__)

SOON, LATE = 0.005, 0.25  # between two looks at a server, in seconds


class News:
    """Of a database that does not tell: one looks, the less often the longer nothing was found."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pace = SOON

    @property
    def poll_seconds(self) -> float:
        """How often to ask `changed` where nothing listens."""
        return self._pace

    def changed(self) -> bool:
        """Whether there may be news."""
        self._pace = min(self._pace * 2, LATE)
        return True

    def found(self) -> None:
        """Learn that a look has found jobs, after which there are likely to be more."""
        self._pace = SOON

    def tell(self) -> None:
        """Tell the others of what this process has committed."""

    def listen(self, heard: Callable[[], None]) -> Listener | None:
        """Have `heard` called when there may be news; None if nobody tells."""
        return None


class PostgresNews(News):
    """Of PostgreSQL, which tells if it can be listened to."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._listener: Notifications | None = None
        self._is_told = False

    def changed(self) -> bool:
        is_told, self._is_told = self._is_told, False
        if self._listener is not None and self._listener.is_alive():
            return is_told
        return super().changed()

    def tell(self) -> None:
        """Notify; a notification that fails costs no more than a moment until the next look."""
        try:
            with self._engine.reading() as cursor:
                cursor.execute(NOTIFY)
        except Error as error:
            logger.debug("Could not notify other workers: %s", error)

    def listen(self, heard: Callable[[], None]) -> Listener | None:
        """Listen, unless it has turned out that nothing arrives."""

        def note() -> None:
            self._is_told = True
            heard()

        if self._listener is not None and self._listener.is_deaf:
            return None
        self._listener = listen_to(self._engine.alias, note)
        return self._listener


class FileNews(News):
    """Of SQLite, which says whether another connection has committed."""

    poll_seconds = 0.015

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._seen: int | None = None

    def changed(self) -> bool:
        version = self._engine.version()
        is_news, self._seen = version != self._seen, version
        return is_news

    def listen(self, heard: Callable[[], None]) -> Listener | None:
        return watch_files(self._engine.files(), heard)


KINDS: dict[str, type[News]] = {"sqlite": FileNews, "postgresql": PostgresNews}


def news_of(engine: Engine) -> News:
    """Return how to learn of news in a database."""
    return KINDS.get(engine.connection.vendor, News)(engine)
