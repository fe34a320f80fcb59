"""Brings the news to those in this process who watch, whichever way it came."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from ..backends.briefs import Brief
from .news import News, Pile, Topic

Source = Callable[["Hub"], Coroutine[Any, Any, None]]


class Mailbox:
    """Where news waits for one who watches. Used on the loop alone."""

    def __init__(self) -> None:
        self._pile = Pile()
        self._is_filled = asyncio.Event()

    def put(self, briefs: Iterable[Brief], *, has_more: bool = False) -> None:
        self._pile.put(briefs, has_more=has_more)
        if self._pile:
            self._is_filled.set()

    async def take(self) -> News:
        """Wait until there is news, and return it."""
        await self._is_filled.wait()
        self._is_filled.clear()
        return self._pile.take()


class Hub:
    """The mailboxes of those who watch, by what they watch.

    Its sources run on the loop for as long as there are any. Everything here happens there.
    """

    def __init__(self, sources: Collection[Source]) -> None:
        self._sources = sources
        self._tasks: list[asyncio.Task[None]] = []
        self._boxes: defaultdict[Topic, set[Mailbox]] = defaultdict(set)
        self._is_current = False
        self.rung = asyncio.Event()
        """Set by who knows that it is time to look into the ledger."""

    @contextmanager
    def watching(self, topic: Topic) -> Iterator[Mailbox]:
        """Give a mailbox in which the news of a topic arrives.

        For more than a single job, the first says that there may be more news: what happened
        before every change was noticed.
        """
        box = Mailbox()
        self._boxes[topic].add(box)
        box.put([], has_more=self._is_current and topic.is_wide)
        self._start()
        try:
            yield box
        finally:
            self._boxes[topic].discard(box)
            if not self._boxes[topic]:
                del self._boxes[topic]
            self._is_current = self._is_current and self.watches_many()
            if not self._boxes:
                self._stop()

    @property
    def is_busy(self) -> bool:
        """Whether anybody watches."""
        return bool(self._boxes)

    def jobs(self) -> set[str]:
        """Return the ids of the jobs that are watched one by one."""
        return {topic.name for topic in self._boxes if topic.kind == "job"}

    def watches_many(self) -> bool:
        """Whether anybody watches more than single jobs."""
        return any(topic.is_wide for topic in self._boxes)

    def tell(self, briefs: Sequence[Brief], *, has_more: bool = False) -> None:
        """Put news into the mailboxes of those whom it is about."""
        self._tell(News(briefs, has_more), self._boxes)

    def hear(self, news: News) -> None:
        """Take news from another process. Single jobs are looked at, for it may come late."""
        self._tell(news, (topic for topic in self._boxes if topic.is_wide))
        jobs = self.jobs()
        if jobs and (news.has_more or any(brief.task_id in jobs for brief in news.briefs)):
            self.rung.set()

    def begin(self) -> None:
        """Learn that from now on every change will be told."""
        self._is_current = True
        self.tell([], has_more=True)

    def _tell(self, news: News, topics: Iterable[Topic]) -> None:
        for topic in topics:
            told = [brief for brief in news.briefs if topic.covers(brief)]
            for box in self._boxes[topic]:
                box.put(told, has_more=news.has_more and topic.is_wide)

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(source(self)) for source in self._sources]

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub_of_loop(sources: Callable[[], Collection[Source]]) -> Hub:
    """Return the running loop's hub, made of these sources if it has none that is at work."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs or not _hubs[loop].is_busy:
        _hubs[loop] = Hub(sources())
    return _hubs[loop]
