"""The channel layer: where there is one that reaches other processes, news comes through it."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

from ..engine.outage import Outage
from .hub import Hub
from .news import News

logger = logging.getLogger(__name__)

GROUP = "flowrra.jobs"
"""The group that each message goes to: `{"type": "flowrra.jobs", "jobs": […], "more": false}`."""

RENEW_SECONDS = 30.0  # a layer forgets its groups' members: after a day, or when Redis is emptied
AFTER_ERROR = 2.0


def pushing_layer() -> Any:
    """Return the site's channel layer, if it reaches other processes; else None.

    Raises InvalidChannelLayerError for one that the settings name and that cannot be had.
    """
    layer = get_channel_layer()
    return None if isinstance(layer, InMemoryChannelLayer) else layer


async def receive(hub: Hub) -> None:
    """Tell the hub what comes through the layer, until cancelled."""
    outage = Outage("The channel layer")
    while True:
        try:
            await _receive(hub, pushing_layer(), outage)
        except Exception as error:
            outage.begin(error)
            await asyncio.sleep(AFTER_ERROR)


async def _receive(hub: Hub, layer: Any, outage: Outage) -> None:
    channel = await layer.new_channel("flowrra")
    try:
        while True:
            await layer.group_add(GROUP, channel)
            outage.end(time.monotonic())
            hub.rung.set()  # what was pushed before this moment is in the ledger alone
            try:
                async with asyncio.timeout(RENEW_SECONDS) as limit:
                    while True:
                        _tell(hub, await layer.receive(channel))
            except TimeoutError:
                if not limit.expired():  # it is the layer's
                    raise
    finally:
        with suppress(Exception):  # which would stand in for a cancel
            await layer.group_discard(GROUP, channel)


def _tell(hub: Hub, message: Any) -> None:
    try:
        hub.hear(News.from_dict(message))
    except ValueError as error:
        logger.warning("%s", error)
