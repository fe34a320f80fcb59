"""The source of news that is always there: it looks into the ledger, and compares."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

from ..backends.briefs import Brief
from ..engine.stores import Stores
from ..engine.waiters import until_set
from ..results import TaskStatus
from .hub import Hub
from .news import MOST_TOLD

logger = logging.getLogger(__name__)

SHORTEST = 0.1  # seconds between two looks
LONGEST = 0.5
LONGEST_BESIDE_PUSH = 2.0
AFTER_ERROR = 2.0


@dataclass(slots=True)
class Follower:
    """Looks at once when the index rings, as on SQLite it does with every commit, else by a pace.

    What it looks at are the jobs that have changed last, those that it saw running, and those that
    are watched one by one. So it also sees what no signal tells: retries, progress, cancelling.
    """

    stores: Stores
    pace: float = LONGEST
    _seen: dict[str, Brief] = field(default_factory=dict)
    _has_looked: bool = False

    async def follow(self, hub: Hub) -> None:
        """Tell the hub until cancelled."""
        loop = asyncio.get_running_loop()

        def ring() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody watches any more
                loop.call_soon_threadsafe(hub.rung.set)

        unsubscribe = self.stores.broker.subscribe(ring)
        self.stores.place.nudge()
        try:
            while True:
                hub.rung.clear()
                await asyncio.sleep(await self._look(hub))
                await until_set(hub.rung, self.pace)
        finally:
            unsubscribe()

    async def _look(self, hub: Hub) -> float:
        """Tell what has changed since the last look; return after how long to look again."""
        watched, looks_wide = hub.jobs(), hub.watches_many()
        try:
            found = await self.stores.run(self._read, watched, looks_wide)
        except Exception as error:
            if not self.stores.may_pass(error):
                logger.exception("The ledger cannot be followed; it is tried again.")
            return AFTER_ERROR
        changed = [brief for brief in found.values() if self._seen.get(brief.task_id) != brief]
        begins = looks_wide and not self._has_looked
        self._seen, self._has_looked = found, looks_wide
        if begins:  # all is news to us, and none of it to those who read the page now
            changed = [brief for brief in changed if brief.task_id in watched]
            hub.begin()
        hub.tell(changed, has_more=len(changed) >= MOST_TOLD)
        return SHORTEST

    def _read(self, watched: Collection[str], looks_wide: bool) -> dict[str, Brief]:
        backend = self.stores.backend
        recent = backend.recent(MOST_TOLD) if looks_wide else ()
        found = {brief.task_id: brief for brief in recent}
        missing = (set(watched) | self._going_on()) - found.keys()
        return found | backend.briefs(missing)

    def _going_on(self) -> set[str]:
        return {i for i, brief in self._seen.items() if brief.status is TaskStatus.RUNNING}
