"""How a worker learns of what other processes commit to the database."""

from __future__ import annotations

import logging
from typing import ClassVar

from django.db import Error

from ...backends.database.engine import Engine
from ...backends.listening import Listener
from ..base import ANY_KIND, Heard, Kinds
from ..hearing import kinds_from, kinds_text
from .inotify import watch_files
from .notifications import NOTIFY, Notifications, listen_to

logger = logging.getLogger(__name__)

SOON, LATE = 0.005, 0.25  # between two looks at a server, in seconds


class News:
    """Of a database that does not tell: one looks, the less often the longer nothing was found."""

    comes_early: ClassVar[bool] = False
    """Whether what is heard may not be committed yet."""

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

    def tell(self, kinds: Kinds) -> None:
        """Tell the others of jobs of these kinds that this process has committed."""

    def listen(self, heard: Heard) -> Listener | None:
        """Have `heard` called when there may be news; None if nobody tells."""
        return None


class PostgresNews(News):
    """Of PostgreSQL, which tells if it can be listened to."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._listener: Notifications | None = None

    def changed(self) -> bool:
        """Whether there may be news that nobody listens for."""
        is_heard = self._listener is not None and self._listener.is_alive()
        return not is_heard and super().changed()

    def tell(self, kinds: Kinds) -> None:
        """Notify; a notification that fails costs no more than a moment until the next look."""
        try:
            with self._engine.reading() as cursor:
                cursor.execute(f"{NOTIFY}, '{kinds_text(kinds)}'")
        except Error as error:
            logger.debug("Could not notify other workers: %s", error)

    def listen(self, heard: Heard) -> Listener | None:
        """Listen, unless it has turned out that nothing arrives."""
        if self._listener is not None and self._listener.is_deaf:
            return None
        self._listener = listen_to(self._engine.alias, lambda told: heard(kinds_from(told)))
        return self._listener


class FileNews(News):
    """Of SQLite, which says whether another connection has committed."""

    poll_seconds = 0.015
    comes_early = True

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._seen: int | None = None

    def changed(self) -> bool:
        version = self._engine.version()
        is_news, self._seen = version != self._seen, version
        return is_news

    def listen(self, heard: Heard) -> Listener | None:
        return watch_files(self._engine.files(), lambda: heard(ANY_KIND))


KINDS: dict[str, type[News]] = {"sqlite": FileNews, "postgresql": PostgresNews}


def news_of(engine: Engine) -> News:
    """Return how to learn of news in a database."""
    return KINDS.get(engine.connection.vendor, News)(engine)
