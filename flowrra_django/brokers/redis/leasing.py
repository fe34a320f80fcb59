"""The index in Redis over a ledger that is elsewhere."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

import redis

from ...backends.answers import Entry
from ...backends.base import MOST_FRONTS, BaseBackend, SweptBackend
from ...backends.batches import batches
from ...backends.listening import Listener
from ...backends.redis import server
from ...backends.redis.rows import MILLION, lane_text, micros_of, turns_text
from ...backends.redis.scripts import read_scripts
from ...config import StoreConfig
from ...exceptions import ConfigurationError
from ...job import Lane
from ..base import ALL_AT_ONCE, BaseBroker, Heard, Swept, Taken, Turns
from .news import POLL_SECONDS, News
from .sweeper import Sweeper

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
SCRIPTS = ("push", "take", "confirm", "return", "forget", "depth", "fronts", "note")


class LeasingBroker(BaseBroker):
    """Hands out ids for a short time, in which the ledger has to be asked for the jobs.

    What it hands out twice the ledger gives once. What it does not know, because it was away when
    it should have been told or has lost it, it learns from `sweep`.
    """

    ledger: SweptBackend
    is_swept = True

    def __init__(
        self, config: StoreConfig, ledger: SweptBackend, ahead: Callable[[], float] = lambda: 0.0
    ) -> None:
        super().__init__(ledger)
        ledger.index_elsewhere()
        scripts = read_scripts(__package__, SCRIPTS, "places")
        self._server = server.RedisServer(config, "index", scripts, ahead)
        self._run = self._server.run
        self._is_away = False
        self._news = News(self._server)
        self._sweeper = Sweeper(self._server, ledger, self._add_missing)

    @property
    def poll_seconds(self) -> float:
        return POLL_SECONDS

    @classmethod
    def from_config(cls, config: StoreConfig, ledger: BaseBackend) -> Self:
        if not isinstance(ledger, SweptBackend):
            raise ConfigurationError(
                "A Redis broker needs a database, or the same Redis, as backend."
            )
        return cls(config, ledger)

    def push(self, entries: Sequence[Entry]) -> None:
        """Tell Redis; if it is away, say so: the ledger has the jobs, and the sweeper will."""
        if not entries:
            return
        with self._forgiving("The ledger has the jobs, and tells it later."):
            self._push(self._numbered(entries), only_missing=False)
        self.ring_for(entries)

    def take(
        self, worker_id: str, lanes: Collection[Lane], limit: int, turns: Turns = ALL_AT_ONCE
    ) -> Taken:
        token, names = uuid.uuid4().hex, list(map(lane_text, lanes))
        ids, due = self._run(
            "take", token, micros_of(LEASE_SECONDS), limit, turns_text(lanes, turns), *names
        )
        if not ids:
            return Taken([], _seconds(due))
        try:
            jobs, waiting = self.ledger.claim(worker_id, ids)
        except BaseException:
            with suppress(redis.RedisError):  # else they come back by themselves
                self._run("return", token, *ids)
            raise
        with self._forgiving("What was refused comes back when its lease is over."):
            due = self._confirm(token, ids, waiting, names)
        return Taken(jobs, _seconds(due))

    def fronts(self, lanes: Collection[Lane]) -> list[str]:
        members = self._run("fronts", MOST_FRONTS, *map(lane_text, lanes))
        return [member.split(":", 2)[-1] for member in members]

    def forget(self, task_ids: Collection[str]) -> None:
        """Drop them; what stays because Redis is away will be refused by the ledger."""
        for ids in batches(task_ids):
            with self._forgiving("What was cancelled is dropped later."):
                self._run("forget", *ids)

    def depth(self, lanes: Collection[Lane], limit: int) -> int:
        return min(limit, int(self._run("depth", *map(lane_text, lanes))))

    def sweep(self, age: float) -> Swept:
        return self._sweeper.sweep(age)

    def changed(self) -> bool:
        return self._news.changed()

    def listen(self, heard: Heard) -> Listener:
        return self._news.listen(heard)

    def is_busy(self, error: Exception) -> bool:
        return server.is_busy(error)

    def is_outage(self, error: Exception) -> bool:
        return server.is_outage(error)

    def _push(self, entries: Sequence[Entry], *, only_missing: bool) -> int:
        parts = batches(entries)
        return sum(self._run("push", int(only_missing), *_told(part)) for part in parts)

    def _add_missing(self, entries: Sequence[Entry]) -> int:
        return self._push(entries, only_missing=True)

    def _numbered(self, entries: Sequence[Entry]) -> list[Entry]:
        """Ask for the place in the order of arrival where the ledger has not told it."""
        unnumbered = [entry.task_id for entry in entries if not entry.sequence]
        numbered = [entry for entry in entries if entry.sequence]
        return numbered + (self.ledger.entries(unnumbered) if unnumbered else [])

    def _confirm(
        self, token: str, ids: Sequence[str], waiting: Sequence[Entry], lanes: Sequence[str]
    ) -> str | None:
        """Drop from the index what is not to wait there; return when the next job is due."""
        back = {entry.task_id for entry in waiting}
        gone = [task_id for task_id in ids if task_id not in back]
        due: str | None = self._run(
            "confirm", token, len(waiting), *_told(waiting), len(gone), *gone, *lanes
        )
        return due

    @contextmanager
    def _forgiving(self, consequence: str) -> Iterator[None]:
        """Go on where Redis is away, and tell once what comes of it, and once when it is back."""
        try:
            yield
        except redis.RedisError as error:
            if not (self.is_outage(error) or self.is_busy(error)):
                raise
            level, self._is_away = logging.DEBUG if self._is_away else logging.WARNING, True
            logger.log(level, "The index does not answer (%s). %s", error, consequence)
        else:
            if self._is_away:
                self._is_away = False
                logger.warning("The index answers again.")


def _told(entries: Sequence[Entry]) -> Iterator[Any]:
    for task_id, lane, priority, sequence, delay in entries:
        yield from (task_id, lane_text(lane), priority, sequence, micros_of(delay))


def _seconds(due: str | None) -> float | None:
    return None if due is None else int(due) / MILLION
