"""The index in memory: nothing is left behind of jobs that wait no longer."""

from datetime import timedelta

import pytest

from flowrra_django.backends.answers import Entry
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.stores import Stores
from tests.contracts.acts import IO, enlist, enqueue


@pytest.fixture
def stores(clock):
    backend = InMemoryBackend(clock=clock.seconds)
    enlist(backend, "w")
    return Stores(backend, MemoryBroker(backend, clock=clock.seconds))


def left(broker):
    heaps = (*broker._ready.values(), *broker._delayed.values())
    return len(broker._known), sum(map(len, heaps)), broker._depths.total()


def test_what_is_taken_leaves_nothing_behind(stores):
    for _ in range(100):
        enqueue(stores)
    assert left(stores.broker) == (100, 100, 100)
    stores.take("w", [IO], 1000)
    assert left(stores.broker) == (0, 0, 0)


def test_what_was_forgotten_is_gone_by_the_next_look(stores):
    task_ids = [enqueue(stores, run_after=timedelta(seconds=n % 2 * 60)) for n in range(100)]
    stores.cancel(task_ids)
    assert stores.take("w", [IO], 10) == ([], None)
    assert left(stores.broker) == (0, 0, 0)


def test_what_is_replaced_again_and_again_is_not_kept_until_it_would_be_due(stores):
    ready, late = enqueue(stores), enqueue(stores, run_after=timedelta(hours=1))
    for _ in range(1000):
        stores.broker.forget([late])
        stores.broker.push([Entry(late, IO, 0, 2, 3600.0)])
    assert left(stores.broker)[1] < 100
    assert stores.broker.depth([IO], 10) == 2
    assert [job.task_id for job in stores.take("w", [IO], 10).jobs] == [ready]
    stores.cancel([late])
    assert stores.take("w", [IO], 10) == ([], None)


def test_the_ledger_is_asked_for_jobs_without_the_lock_of_the_index(stores):
    task_id = enqueue(stores)
    claim = stores.backend.claim

    def claim_and_push(worker_id, task_ids):
        stores.broker.push([])
        enqueue(stores)
        return claim(worker_id, task_ids)

    stores.backend.claim = claim_and_push
    assert [job.task_id for job in stores.take("w", [IO], 10).jobs] == [task_id]
    assert stores.broker.depth([IO], 10) == 1
