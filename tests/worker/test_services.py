"""What a worker does besides running jobs."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import replace

import pytest

from flowrra_django.backends.base import WorkerInfo
from flowrra_django.config import Config
from flowrra_django.engine.pairs import create_stores
from flowrra_django.engine.presence import Presence
from flowrra_django.engine.wiring import describe_self
from flowrra_django.worker.services import Rescue, repeat

TIMEOUT = 0.1


class Steady:
    """A heartbeat that came on time, or did not."""

    def __init__(self, is_steady: bool = True) -> None:
        self.is_steady = is_steady


@pytest.fixture
def stores():
    return create_stores(Config())


def enlisted(stores, **changes) -> WorkerInfo:
    """Enlist a worker of another host, unless told otherwise."""
    info = replace(describe_self(), **{"host": "elsewhere", **changes})
    stores.backend.enlist(info)
    return info


def workers(stores) -> set[str]:
    return {beat.worker.worker_id for beat in stores.backend.beats()}


def rescue_of(stores, heartbeat=None) -> Rescue:
    presence = Presence(stores.backend, describe_self())
    presence.enlist()
    return Rescue(stores, presence, heartbeat or Steady(), TIMEOUT)


async def test_an_error_does_not_end_a_service(caplog):
    calls = []

    async def act() -> None:
        calls.append(1)
        raise ValueError("this time")

    service = asyncio.create_task(repeat(0, act))
    while len(calls) < 3:
        await asyncio.sleep(0)
    service.cancel()
    with suppress(asyncio.CancelledError):
        await service
    assert "act failed; it is tried again" in caplog.text


async def test_a_silent_worker_is_given_up_at_the_second_look(stores, caplog):
    rescue, info = rescue_of(stores), enlisted(stores)
    await asyncio.sleep(2 * TIMEOUT)
    await rescue.look()
    assert info.worker_id in workers(stores)
    await rescue.look()
    assert info.worker_id not in workers(stores)
    assert f"Worker {info.worker_id} is gone" in caplog.text


async def test_a_beat_between_two_looks_clears_a_worker(stores):
    rescue, info = rescue_of(stores), enlisted(stores)
    await asyncio.sleep(2 * TIMEOUT)
    await rescue.look()
    stores.backend.beat(info.worker_id)
    await asyncio.sleep(2 * TIMEOUT)
    await rescue.look()
    assert info.worker_id in workers(stores)


async def test_who_is_not_steady_itself_gives_nobody_up(stores):
    rescue, info = rescue_of(stores, Steady(False)), enlisted(stores)
    await asyncio.sleep(2 * TIMEOUT)
    for _ in range(3):
        await rescue.look()
    assert info.worker_id in workers(stores)


async def test_nobody_gives_itself_up(stores):
    rescue = rescue_of(stores)
    (itself,) = workers(stores)
    await asyncio.sleep(2 * TIMEOUT)
    for _ in range(3):
        await rescue.look()
    assert workers(stores) == {itself}


async def test_a_process_that_is_gone_from_this_host_is_given_up_at_the_first_look(stores):
    mine = describe_self()
    boot, namespace, pid, start = mine.process.split()
    before = " ".join((boot, namespace, pid, str(int(start) - 1)))  # that pid, in its last life
    gone = enlisted(stores, host=mine.host, process=before)
    alive = enlisted(stores, host=mine.host, pid=os.getpid())
    await rescue_of(stores).look()
    assert gone.worker_id not in workers(stores)
    assert alive.worker_id in workers(stores)
