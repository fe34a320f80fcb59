"""How a worker goes: at once if it has not come yet, and without beginning anything new."""

from __future__ import annotations

import asyncio
import threading

from flowrra_django import BackendConfig, Config, TaskRegistry, TaskStatus
from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.dispatch import Call, Dispatcher
from flowrra_django.engine.hooks import Hooks
from flowrra_django.engine.stores import Stores
from flowrra_django.worker.process import Worker
from flowrra_django.worker.watchdog import Watchdog


class SlowLedger(InMemoryBackend):
    """One on which others wait, and which takes its time to enlist a worker."""

    is_shared = True

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    def enlist(self, info: WorkerInfo) -> None:
        self.is_asked.set()
        assert self.may_answer.wait(30)
        super().enlist(info)


async def test_a_worker_told_to_end_while_it_is_enlisted_leaves_no_trace():
    ledger = SlowLedger()
    worker = Worker(Config(), TaskRegistry(), Stores(ledger, MemoryBroker(ledger)), Hooks())
    life = asyncio.create_task(worker.run())
    assert await asyncio.to_thread(ledger.is_asked.wait, 30)
    worker.ending.ask()
    await asyncio.sleep(0.1)  # it gives up what it waits for
    ledger.may_answer.set()
    await asyncio.wait_for(life, 30)
    assert not ledger.beats()


async def test_a_worker_that_is_to_end_begins_nothing_while_its_parts_are_stopped(monkeypatch):
    is_stopping, may_stop = threading.Event(), threading.Event()
    stop = Watchdog.stop

    def slowly(watchdog: Watchdog) -> None:
        is_stopping.set()
        assert may_stop.wait(30)
        stop(watchdog)

    monkeypatch.setattr(Watchdog, "stop", slowly)
    registry, ledger = TaskRegistry(), InMemoryBackend()
    stores = Stores(ledger, MemoryBroker(ledger))

    @registry.task()
    async def nothing() -> None:
        """Return."""

    config = Config(backend=BackendConfig("memory://"))
    worker = Worker(config, registry, stores, Hooks())
    life = asyncio.create_task(worker.run())
    first, second = (Call(task=registry.find(nothing), args=(), kwargs={}) for _ in range(2))
    (begun,) = Dispatcher(stores).enqueue([first])
    assert (await stores.wait(begun, 30)).is_success
    worker.ending.ask()
    assert await asyncio.to_thread(is_stopping.wait, 30)
    (late,) = Dispatcher(stores).enqueue([second])
    await asyncio.sleep(0.1)  # in which it would begin
    may_stop.set()
    await asyncio.wait_for(life, 30)
    assert ledger.results([late])[late].status is TaskStatus.PENDING
