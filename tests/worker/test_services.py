"""What a worker does besides running jobs."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.brokers.base import Swept
from flowrra_django.config import Config
from flowrra_django.engine.pairs import create_stores
from flowrra_django.engine.presence import Presence
from flowrra_django.engine.wiring import describe_self
from flowrra_django.results import TaskStatus
from flowrra_django.worker import services
from flowrra_django.worker.services import Doubt, Expire, Rescue, Sweep, repeat
from tests.contracts.acts import claim_new, new_job
from tests.engine.rig import Rig

TIMEOUT = 0.1


async def echo() -> None: ...


class Steady:
    """A heartbeat that came on time, or did not."""

    def __init__(self, is_steady: bool = True, interval: float = 0.0) -> None:
        self.is_steady = is_steady
        self.interval = interval


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


async def test_looks_between_which_no_beat_could_come_give_nobody_up(stores):
    rescue, info = rescue_of(stores, Steady(interval=2 * TIMEOUT)), enlisted(stores)
    await asyncio.sleep(2 * TIMEOUT)
    for _ in range(3):
        await rescue.look()
    assert info.worker_id in workers(stores)
    await asyncio.sleep(2 * TIMEOUT)
    await rescue.look()
    assert info.worker_id not in workers(stores)


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


async def test_what_is_held_by_who_is_not_enlisted_any_more_is_freed(stores):
    job = claim_new(stores.backend, "gone")
    stores.backend.dismiss("gone")
    await rescue_of(stores).look()
    result = stores.result(job.task_id)
    assert (result.status, result.crashes) == (TaskStatus.RETRYING, 1)
    assert stores.broker.depth([job.lane], 10) == 1


# Doubt


async def test_a_claim_that_the_ledger_has_and_the_consumer_has_not_is_given_back_and_run():
    """As one that was still under way when the consumer looked for it after an error."""
    async with Rig(queues=("another",)) as rig:
        task_id = rig.enqueue(rig.task(echo))
        assert rig.backend.claim(rig.presence.worker_id, [task_id]).jobs
        rig.consumer.serve(["default"])
        await Doubt([rig.consumer]).look()
        result = await rig.result(task_id)
    assert (result.status, result.attempts, result.crashes) == (TaskStatus.SUCCESS, 1, 0)


# What is told of a decision


async def test_why_a_worker_is_given_up_or_is_not_can_be_read(stores, caplog):
    caplog.set_level("DEBUG", "flowrra_django.worker.services")
    info = enlisted(stores)
    heartbeat = Steady(is_steady=False)
    rescue = rescue_of(stores, heartbeat)
    await asyncio.sleep(TIMEOUT * 1.5)
    await rescue.look()
    heartbeat.is_steady = True
    await rescue.look()
    words = [message for message in caplog.messages if info.worker_id in message]
    assert all("has been silent for 0." in message for message in words)
    assert words[0].endswith("this one's own beats came late.")
    assert words[-1].endswith(" s.")


async def test_all_that_expired_is_cancelled_batch_by_batch_and_who_waits_is_woken(
    stores, monkeypatch
):
    monkeypatch.setattr(services, "EXPIRE_BATCH", 2)
    soon = timedelta(milliseconds=20)
    jobs = [new_job(stores.backend, expires_in=soon) for _ in range(5)]
    stores.index(stores.record(jobs))
    wait = asyncio.create_task(stores.wait(jobs[4].task_id, 5))
    await asyncio.sleep(0.03)
    await Expire(stores).look()
    assert (await wait).status is TaskStatus.CANCELLED
    assert {r.status for r in stores.backend.results([j.task_id for j in jobs]).values()} == {
        TaskStatus.CANCELLED
    }
    assert stores.broker.depth([jobs[0].lane], 10) == 0


@pytest.mark.parametrize(
    ("is_urgent", "took", "seconds"),
    [(False, 0.05, 0.5), (False, 0.001, 0.1), (False, 60.0, 15.0), (True, 0.05, 0.1)],
    ids=["tenth", "short", "outage", "urgent"],
)
def test_a_sweep_that_is_not_urgent_takes_a_tenth_of_the_time(stores, is_urgent, took, seconds):
    sweep = Sweep(stores, age=15.0)
    assert sweep.rest(Swept(has_more=True, is_urgent=is_urgent), took) == seconds
