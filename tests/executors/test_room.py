"""Room in the queue."""

import pytest

from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.stores import Stores
from flowrra_django.executors.room import Room
from flowrra_django.job import Kind
from tests.contracts.acts import IO, enlist, enqueue
from tests.executors.stores import SharedBackend

LANES = [IO]


def stores_of(backend):
    return Stores(backend, MemoryBroker(backend))


async def fill(room, stores):
    """Enqueue for as long as there is room; return how many that were."""
    count = 0
    while await room.take(LANES):
        enqueue(stores)
        count += 1
    return count


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("backend", [InMemoryBackend, SharedBackend])
async def test_there_is_room_for_as_many_as_the_limit_says(backend, limit):
    stores = stores_of(backend())
    room = Room(stores, limit)
    assert await fill(room, stores) == limit
    assert not await room.take(LANES)
    enlist(stores.backend, "w")
    taken = stores.take("w", LANES, 1).jobs
    assert len(taken) == 1
    assert await fill(room, stores) == 1
    stores.close()


async def test_what_waits_on_other_lanes_takes_no_room():
    stores = stores_of(InMemoryBackend())
    room = Room(stores, 1)
    enqueue(stores, kind=Kind.CPU)
    assert await room.take(LANES)


async def test_memory_is_exact_for_however_many_fill_it():
    stores = stores_of(InMemoryBackend())
    rooms = [Room(stores, 10) for _ in range(3)]
    counts = [0, 0, 0]
    for turn in range(60):
        if await rooms[turn % 3].take(LANES):
            enqueue(stores)
            counts[turn % 3] += 1
    assert sum(counts) == 10


async def test_a_database_is_asked_less_and_less_often_than_it_is_written_to():
    stores = stores_of(SharedBackend())
    asked, depth = [], stores.broker.depth
    stores.broker.depth = lambda lanes, limit: asked.append(limit) or depth(lanes, limit)
    assert await fill(Room(stores, 1000), stores) == 1000
    assert len(asked) < 100
    stores.close()
