"""Has the index know what the ledger has: what was never told to it, and what it has lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ...backends.answers import Entry
from ...backends.base import SweptBackend
from ...backends.batches import BATCH
from ...backends.redis.server import RedisServer
from ..base import Swept

logger = logging.getLogger(__name__)


class Sweeper:
    """Walks through what waits in the ledger without a mark, in the order of arrival.

    It walks through all that waits where Redis has been started since that was done last: then
    it may have lost what it knew. Redis itself keeps note of that, and forgets it with the rest.
    """

    def __init__(
        self,
        server: RedisServer,
        ledger: SweptBackend,
        add_missing: Callable[[Sequence[Entry]], int],
    ) -> None:
        self._server = server
        self._ledger = ledger
        self._add_missing = add_missing
        self._reached = 0
        self._renewed: str | None = None  # the run of the server that is told all again

    def sweep(self, age: float) -> Swept:
        """Do a batch: urgent is what Redis may have lost, and what follows a job it lacked."""
        self._begin_anew(self._server.run_id())
        after, is_renewal = self._reached, self._renewed is not None
        found = self._ledger.unindexed(after, BATCH, age, even_marked=is_renewal)
        added = self._add_missing([each.entry for each in found])
        if found and not is_renewal:  # which is urgent, and to mark takes the longest
            self._ledger.mark_indexed(found)
        is_over = len(found) < BATCH
        if is_over:
            self._end()
        else:
            self._reached = found[-1].entry.sequence
        return Swept(has_more=is_renewal or not is_over, is_urgent=is_renewal or added > 0)

    def _begin_anew(self, run: str) -> None:
        if run == self._renewed or (self._renewed is None and run == self._server.run("note", "")):
            return
        self._renewed, self._reached = run, 0
        logger.info("Redis may have lost jobs: telling it again of all that wait.")

    def _end(self) -> None:
        if self._renewed is not None:
            self._server.run("note", self._renewed)
        self._renewed, self._reached = None, 0
