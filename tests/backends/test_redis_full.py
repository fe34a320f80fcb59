"""The ledger in Redis while the server is full: what frees memory, and what jobs need, goes on."""

import asyncio
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
import redis

from flowrra_django.backends.redis import RedisBackend
from flowrra_django.backends.redis.server import is_full, is_outage
from flowrra_django.brokers.redis import RedisBroker
from flowrra_django.config import BackendConfig
from flowrra_django.engine.outbox import Outbox, Parcel
from flowrra_django.engine.running import JobRun
from flowrra_django.engine.stores import Stores
from flowrra_django.reports import Progress
from flowrra_django.results import TaskStatus
from flowrra_django.tally import Minute
from tests import servers
from tests.contracts.acts import IO, claim_new, enlist, enqueue, give_back, rescue, success
from tests.contracts.executors import eventually

SOON = timedelta(seconds=60)


@pytest.fixture(scope="module")
def server():
    try:
        with servers.private("redis") as server:
            yield server
    except servers.NoServerError as error:
        (pytest.fail if servers.is_required("redis") else pytest.skip)(str(error))


@pytest.fixture
def stores(server, clock):
    backend = RedisBackend(BackendConfig(server.url, socket_timeout=1.0), ahead=clock.ahead)
    stores = Stores(backend, RedisBroker(backend))
    backend.server.client.flushall()
    enlist(backend, "w")
    yield stores
    stores.close()


@contextmanager
def full(stores):
    """Leave the server no memory for more than there is now."""
    client = stores.backend.server.client
    client.config_set("maxmemory", 1)
    try:
        yield
    finally:
        client.config_set("maxmemory", 0)


def take(stores, worker="w"):
    return [job.task_id for job in stores.take(worker, [IO], 10).jobs]


def test_a_full_server_gives_out_delayed_jobs_that_are_due_now(stores, clock):
    first, late = enqueue(stores), enqueue(stores, run_after=SOON)
    clock.advance(61)
    with full(stores):
        assert take(stores) == [first, late]


def test_a_full_server_gives_out_what_lies_behind_strange_entries(stores):
    client, base = stores.backend.server.client, stores.backend.server.base
    good = enqueue(stores)
    client.zadd(base + "ready:io:default", {"strange": -1})
    client.zadd(base + "delayed:io:default", {"odd": 0})
    client.sadd(base + "lanes", "peculiar")
    with full(stores):
        assert stores.backend.fronts([IO]) == [good]
        assert take(stores) == [good]
        assert stores.backend.queues() == set()
    assert set(client.lrange(base + "dead", 0, -1)) == {"strange", "odd", "peculiar"}


def test_a_full_server_cancels_jobs_and_keeps_who_asked(stores):
    waiting, running = enqueue(stores), claim_new(stores.backend, "w").task_id
    for task_id in (running, waiting):
        with full(stores):
            assert stores.cancel([task_id], by="ada") == {task_id}
        assert stores.result(task_id).cancelled_by == "ada"
    assert stores.result(waiting).status is TaskStatus.CANCELLED
    assert [order.task_id for order in stores.backend.orders("w").unwanted] == [running]


def test_a_full_server_changes_what_waits_and_what_has_ended(stores, clock):
    late, old = enqueue(stores, run_after=SOON), enqueue(stores, expires_in=SOON)
    kept = claim_new(stores.backend, "w")
    ended = claim_new(stores.backend, "w")
    stores.settle("w", [success(ended)])
    clock.advance(30)
    for act, answer in (
        (partial(stores.run_now, [late]), {late}),
        (partial(stores.retry, [ended.task_id]), {ended.task_id}),
        (partial(stores.delete, [ended.task_id]), {ended.task_id}),
        (partial(rescue, stores.backend, "w"), [kept.task_id]),
    ):
        with full(stores):
            assert act() == answer
    clock.advance(40)
    with full(stores):
        assert stores.backend.expire(10) == [old]


def test_workers_come_and_go_on_a_full_server(stores):
    task_id = enqueue(stores)
    with full(stores):
        enlist(stores.backend, "new")
    with full(stores):
        (job,) = stores.take("new", [IO], 1).jobs
    with full(stores):
        assert stores.release("new", [give_back(job)]).accepted == {task_id}
    with full(stores):
        assert stores.backend.drain("new")
    assert stores.backend.orders("new").is_to_end
    with full(stores):
        stores.backend.dismiss("new")
    assert [beat.worker.worker_id for beat in stores.backend.beats()] == ["w"]


def test_what_minutes_came_to_is_added_on_a_full_server(stores):
    minute = Minute(stores.backend.now().replace(second=0, microsecond=0), "default", 1)
    for _ in range(2):
        with full(stores):
            stores.backend.add_minutes([minute])
    (found,) = stores.backend.minutes(minute.minute)
    assert found.succeeded == 2


def test_the_words_that_redis_6_has_for_it_are_known_too():
    words = "Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not "
    assert is_full(redis.ResponseError(words + "allowed when used memory > 'maxmemory'."))
    assert is_outage(redis.ResponseError(words))
    assert not is_full(redis.ResponseError("WRONGTYPE"))


async def test_on_a_full_server_what_jobs_tell_holds_up_no_outcome(stores, caplog):
    told = {}
    outbox = Outbox(stores, lambda parcel, is_accepted: told.update({parcel.run: is_accepted}))
    outbox.start()
    first, second, third = (
        JobRun(claim_new(stores.backend, "w"), "w", None, outbox.news) for _ in range(3)
    )

    async def end(run):
        run.tell(Progress(done=1, total=2, message="", at=stores.backend.now()))
        outbox.put(Parcel("w", success(run.job), 0.1, run=run))
        await eventually(lambda: told.get(run))

    with full(stores):
        await end(first)
        await end(second)
    await end(third)
    (line,) = [line for line in caplog.messages if "tell" in line]
    assert line == (
        "Redis is full: what jobs tell of themselves is not kept until it has room again. "
        "Raise its maxmemory, or prune old results."
    )
    results = [stores.result(run.job.task_id) for run in (first, second, third)]
    assert [result.progress is None for result in results] == [True, True, False]
    await outbox.stop()
    await asyncio.to_thread(stores.close)
