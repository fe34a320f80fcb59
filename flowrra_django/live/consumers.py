"""The sockets."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, TypeVar
from urllib.parse import parse_qs

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.signing import BadSignature

from . import signing
from .access import FORBIDDEN, has_origin, is_foreign, refusal_of
from .news import EVERYTHING, Topic
from .progress import LANGUAGE, look, spoken, state_of
from .sources import hub

logger = logging.getLogger(__name__)

R = TypeVar("R")

SECONDS_BETWEEN = 0.1
CHECK_SECONDS = 30.0
BROKEN = 1011


class Watching(AsyncWebsocketConsumer):
    """Tells one who watches until he goes. What he sends is not read.

    A socket that is refused is opened first, since only then its code arrives.
    """

    channel_layer_alias = ""  # none: the news of all sockets comes through the hub
    _telling: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        if is_foreign(self.scope):
            await self.close()
            return
        await self.accept()
        refusal = await self.refusal()
        if refusal is not None:
            await self.close(refusal)
            return
        self._telling = asyncio.create_task(self._tell())

    async def disconnect(self, code: int) -> None:
        if self._telling is not None:
            self._telling.cancel()

    async def refusal(self) -> int | None:
        """Return the code that says why he may not watch; None if he may."""
        raise NotImplementedError

    async def tell(self) -> int | None:
        """Send what there is until there is no more, and return the code to close with."""
        raise NotImplementedError

    async def say(self, told: dict[str, Any]) -> None:
        await self.send(text_data=orjson.dumps(told).decode())

    async def _tell(self) -> None:
        code: int | None = BROKEN
        try:
            code = await self.tell()
        except Exception:
            logger.exception("A socket is closed that can be told no more.")
        await self.close(code)


class JobsConsumer(Watching):
    """Tells staff of all jobs, or of those of the queue that the address names.

    The first message says that there may be more news: that of the time between the page and it.
    """

    async def refusal(self) -> int | None:
        return await refusal_of(self.scope) if has_origin(self.scope) else FORBIDDEN

    async def tell(self) -> int:
        queue = self.scope["url_route"]["kwargs"].get("queue")
        checked_at = time.monotonic()
        with hub().watching(Topic("queue", queue) if queue else EVERYTHING) as box:
            while True:
                news = await _within(CHECK_SECONDS, box.take())
                if news is None or time.monotonic() - checked_at > CHECK_SECONDS:
                    if (code := await self.refusal()) is not None:
                        return code
                    checked_at = time.monotonic()
                if news is not None:
                    await self.say(news.to_dict())
                    await asyncio.sleep(SECONDS_BETWEEN)


class JobConsumer(Watching):
    """Tells whoever has its address how one job stands, until it ends or the address expires."""

    _pass: signing.Pass

    @property
    def _language(self) -> str | None:
        return parse_qs(self.scope["query_string"].decode("latin-1")).get(LANGUAGE, [None])[-1]

    async def refusal(self) -> int | None:
        try:
            self._pass = signing.read(self.scope["url_route"]["kwargs"]["token"])
        except BadSignature:
            return FORBIDDEN
        return None

    async def tell(self) -> int | None:
        try:
            async with asyncio.timeout(self._pass.seconds_left) as limit:
                await self._tell_until_final()
        except TimeoutError:
            if not limit.expired():
                raise
            return FORBIDDEN
        return None

    async def _tell_until_final(self) -> None:
        task_id = self._pass.task_id
        with hub().watching(Topic("job", task_id)) as box:
            brief, told = await look(task_id), None
            while True:
                with spoken(self._language):
                    state = state_of(brief)
                if state != told:
                    await self.say(told := state)
                if state["final"]:
                    return
                await asyncio.sleep(SECONDS_BETWEEN)
                news = await box.take()
                brief = news.briefs[-1] if news.briefs else brief


async def _within(seconds: float, awaitable: Awaitable[R]) -> R | None:
    """Return what is awaited; None if it takes longer."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await awaitable
    except TimeoutError:
        if not limit.expired():
            raise
        return None
