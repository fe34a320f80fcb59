"""Waiting on the event loop for what other threads do."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from typing import Any


async def settled(future: Future[Any]) -> None:
    """Wait until the future is done. To be cancelled here leaves the future alone.

    Cancelling a future of a process pool, as `asyncio.wrap_future` would, can break its thread.
    """
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def wake(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_finish, done)

    future.add_done_callback(wake)
    await done


async def settled_within(future: Future[Any], seconds: float) -> bool:
    """Wait until the future is done, for no longer than that; return whether it is."""
    with suppress(TimeoutError):
        await asyncio.wait_for(settled(future), seconds)
    return future.done()


async def settled_for_sure(future: Future[Any]) -> None:
    """Wait until the future is done, however often cancelled; only then raise CancelledError."""
    cancelled = None
    while not future.done():
        try:
            await settled(future)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
