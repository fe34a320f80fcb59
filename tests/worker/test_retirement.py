"""When a worker has done its share."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flowrra_django.engine.events import Finished, Started
from flowrra_django.worker import memory
from flowrra_django.worker.retirement import MEGABYTE, Lifespan, Retirement

BEGUN = Started(cast("Any", SimpleNamespace()))
ENDED = Finished(cast("Any", SimpleNamespace()), 0.1)


def retirement_after(on_event=None, **lifespan):
    retirement = Retirement(on_event)
    retirement.open(Lifespan(**lifespan))
    return retirement


def test_without_limits_it_never_comes():
    retirement = Retirement()
    for _ in range(1000):
        retirement.hear(BEGUN)
    assert not retirement.is_due


def test_it_comes_when_so_many_jobs_have_begun():
    retirement = retirement_after(max_jobs=2)
    retirement.hear(BEGUN)
    retirement.hear(ENDED)
    assert not retirement.is_due
    retirement.hear(BEGUN)
    assert retirement.is_due
    assert retirement.reason == "it has begun as many jobs as it may (--max-jobs 2)"


async def test_who_waits_for_it_is_told():
    retirement = retirement_after(max_jobs=1)
    waiting = asyncio.create_task(retirement.until_due())
    retirement.hear(BEGUN)
    await asyncio.wait_for(waiting, 5)


async def test_it_comes_when_the_process_takes_too_much_and_has_done_some_work():
    retirement = retirement_after(max_memory=1)
    await retirement.look()
    assert not retirement.is_due
    retirement.hear(ENDED)
    await retirement.look()
    assert retirement.is_due
    assert "(--max-memory 1)" in retirement.reason


async def test_memory_that_is_taken_is_seen_and_so_is_that_it_was_freed():
    limit = memory.resident_bytes() // MEGABYTE + 100
    retirement = retirement_after(max_memory=limit)
    retirement.hear(ENDED)
    await retirement.look()
    assert not retirement.is_due
    block = bytearray(b"\1") * (200 * MEGABYTE)
    assert memory.resident_bytes() > limit * MEGABYTE
    del block
    await retirement.look()
    assert not retirement.is_due


async def test_the_first_reason_stays():
    retirement = retirement_after(max_jobs=1, max_memory=1)
    retirement.hear(BEGUN)
    retirement.hear(ENDED)
    await retirement.look()
    assert retirement.reason == "it has begun as many jobs as it may (--max-jobs 1)"


def test_others_are_told_what_it_hears():
    told: list[object] = []
    retirement = retirement_after(told.append)
    retirement.hear(BEGUN)
    retirement.hear(ENDED)
    assert told == [BEGUN, ENDED]


def test_where_the_system_does_not_tell_it_is_the_most_that_ever_was(monkeypatch):
    before = memory.resident_bytes()
    monkeypatch.setattr(memory, "memory_in_use", lambda: None)
    assert memory.resident_bytes() == pytest.approx(memory.peak_bytes(), rel=0.1)
    assert memory.resident_bytes() > 0.9 * before
