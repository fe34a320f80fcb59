"""An executor that is used by itself, as the ledger sees it: a worker of its own."""

from __future__ import annotations

import asyncio
import logging

from ..engine.cancelling import Stopper
from ..engine.heartbeat import Heartbeat
from ..engine.presence import Presence
from ..engine.stores import Stores

logger = logging.getLogger(__name__)


class Membership:
    """Keeps the executor's row, which is its licence to claim, and hears of cancels.

    In memory nobody else could give it up for dead: it needs no heartbeat there, and is told of
    cancels at once. `interval` is how many seconds lie between two heartbeats.
    """

    def __init__(self, stores: Stores, presence: Presence, interval: float) -> None:
        self.stopper = Stopper(stores, presence)
        self._stores = stores
        self._presence = presence
        self._interval = interval
        self._heartbeat: Heartbeat | None = None

    async def begin(self) -> None:
        await self._stores.run(self._presence.enlist)
        if self._stores.backend.is_shared:
            self._heartbeat = Heartbeat(
                self._stores, self._presence, self._interval, stopper=self.stopper
            )
            self._heartbeat.start()
        else:
            self._stores.on_cancel.append(self.stopper.look)

    async def end(self) -> None:
        """Sign off, and free what could not be stopped; with the store away, rescue will."""
        if self._heartbeat is not None:
            await asyncio.to_thread(self._heartbeat.stop)
            self._heartbeat = None
        else:
            self._stores.on_cancel.remove(self.stopper.look)
        try:
            await self._stores.run(self._presence.dismiss)
            await self._stores.run(self._stores.rescue, self._presence.worker_id, None)
        except Exception as error:
            logger.warning("Could not sign off from the store: %s", error)
