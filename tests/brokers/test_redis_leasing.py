"""The index in Redis over a database: what is handed out, what got lost, and who finds it again."""

import logging
import random
import time
from datetime import timedelta
from functools import partial
from itertools import chain

import pytest
import redis
from asgiref.sync import async_to_sync
from django.db import transaction

from flowrra_django import cancel_jobs, delete_jobs, purge_queue, runtime
from flowrra_django.backends.answers import Entry
from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.database.rows import MALFORMED
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.backends.redis.rows import turns_text
from flowrra_django.brokers.base import Swept
from flowrra_django.brokers.redis import LeasingBroker
from flowrra_django.brokers.redis.leasing import LEASE_SECONDS
from flowrra_django.config import BrokerConfig
from flowrra_django.engine.stores import Stores
from flowrra_django.exceptions import ConfigurationError
from flowrra_django.models import TaskRecord
from flowrra_django.results import TaskStatus
from tests import servers
from tests.contracts.acts import (
    IO,
    Undo,
    at_once,
    claim,
    enlist,
    enqueue,
    failure,
    give_back,
    new_job,
    record,
    rescue,
    status_of,
    success,
    to_retry,
)
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need, wipe_redis
from tests.support import until
from tests.testapp.tasks import add

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def redis_server(ledger_database):
    need("redis")


@pytest.fixture
def stores(clock, ledger_redis, redis_server):
    stores = open_stores(clock)
    enlist(stores.backend, "w")
    yield stores
    stores.close()


def open_stores(clock, url=None):
    """Open the pair on the test's namespace, or on another server."""
    config = redis_config().as_config_of(BrokerConfig)
    if url is not None:
        config = BrokerConfig(url, namespace=config.namespace, socket_timeout=1.0)
    backend = DatabaseBackend("default")
    backend.engine.clock = clock.moment
    return Stores(backend, LeasingBroker(config, backend, ahead=clock.ahead))


def take(stores, limit=10, worker="w"):
    return [job.task_id for job in stores.take(worker, [IO], limit).jobs]


def sweep(stores, age=-1.0):
    while stores.broker.sweep(age).has_more:
        pass


def swept_next(stores):
    """Return the ids that the sweeper would visit now."""
    return {each.entry.task_id for each in stores.backend.unindexed(0, 1000, -1.0)}


# Leases


def taken_by_one_who_died(stores, limit=10):
    """Take as a worker does that is killed before it asks the ledger; return the token."""
    token = f"{random.getrandbits(64):x}"
    lease, no_turns = round(LEASE_SECONDS * 1e6), turns_text([IO], {})
    ids, _ = stores.broker._run("take", token, lease, limit, no_turns, "io:default")
    return token, ids


def test_what_a_killed_worker_had_taken_is_handed_out_again(stores, clock):
    first, second = enqueue(stores), enqueue(stores)
    assert taken_by_one_who_died(stores)[1] == [first, second]
    assert take(stores) == []
    clock.advance(LEASE_SECONDS + 1)
    assert take(stores) == [first, second]


def test_only_the_last_take_is_confirmed(stores, clock):
    task_id = enqueue(stores)
    early, _ = taken_by_one_who_died(stores)
    clock.advance(LEASE_SECONDS + 1)
    _, ids = taken_by_one_who_died(stores)
    assert ids == [task_id]
    stores.broker._confirm(early, [task_id], [], [])
    clock.advance(LEASE_SECONDS + 1)
    assert take(stores) == [task_id]


def test_what_could_not_be_claimed_is_handed_out_again_at_once(stores, monkeypatch):
    task_ids = [enqueue(stores), enqueue(stores)]
    with monkeypatch.context() as patch:

        def refuse(*_):
            raise ConnectionResetError

        patch.setattr(stores.backend, "claim", refuse)
        with pytest.raises(ConnectionResetError):
            take(stores)
    assert take(stores) == task_ids


def test_a_claim_whose_confirmation_got_lost_is_not_lost(stores, monkeypatch, clock):
    task_id = enqueue(stores)
    with monkeypatch.context() as patch:

        def lose(*_):
            raise redis.TimeoutError("Timeout reading from socket")

        patch.setattr(stores.broker, "_confirm", lose)
        (job,) = stores.take("w", [IO], 10).jobs
    clock.advance(LEASE_SECONDS + 1)
    assert take(stores) == []
    assert stores.settle("w", [to_retry(job)]).accepted == {task_id}
    assert take(stores) == [task_id]


def test_a_job_that_waits_again_before_its_take_was_confirmed_waits_for_its_time(stores, clock):
    task_id = enqueue(stores)
    token, _ = taken_by_one_who_died(stores)
    job = claim(stores.backend, "w", task_id)
    stores.settle("w", [to_retry(job, 60)])
    stores.broker._confirm(token, [task_id], [], ["io:default"])
    assert stores.broker.take("w", [IO], 10) == ([], pytest.approx(60, abs=1))
    clock.advance(61)
    assert take(stores) == [task_id]


def test_a_full_index_gives_out_what_it_has(clock, ledger_database):
    with servers.private("redis") as server:
        stores = open_stores(clock, server.url)
        enlist(stores.backend, "w")
        client, base = stores.broker._server.client, stores.broker._server.base
        first, late = enqueue(stores), enqueue(stores, run_after=timedelta(seconds=60))
        client.zadd(base + "ready:io:default", {"strange": -1})
        clock.advance(61)
        client.config_set("maxmemory", 1)
        assert take(stores) == [first, late]
        stores.close()


# What the index was not told


@pytest.fixture
def dead(clock, stores):
    """The same ledger, with an index that is not there."""
    return open_stores(clock, NOWHERE)


def test_a_lost_push_is_told_of_in_a_line_and_made_up_for(stores, dead, caplog):
    task_ids = [enqueue(dead), enqueue(dead)]
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    (line,) = [line for line in lines if "index" in line]
    assert line.startswith("The index does not answer (Error 111")
    assert take(stores) == []
    sweep(stores)
    assert take(stores) == task_ids


def test_a_job_that_was_recorded_just_now_is_left_to_who_did(stores):
    record(stores.backend)
    sweep(stores, age=5)
    assert take(stores) == []


def test_jobs_that_were_swept_keep_their_time_their_priority_and_their_order(stores, clock):
    late = record(stores.backend, run_after=timedelta(seconds=60))
    first, second = record(stores.backend), record(stores.backend)
    urgent = record(stores.backend, priority=-1)
    sweep(stores)
    third = enqueue(stores)
    assert take(stores) == [urgent, first, second, third]
    clock.advance(61)
    assert take(stores) == [late]


def test_what_the_index_knows_is_visited_once(stores):
    known = {enqueue(stores), enqueue(stores)}
    assert swept_next(stores) == known
    sweep(stores)
    assert swept_next(stores) == set()
    assert set(take(stores)) == known


def retried(stores, task_id):
    (job,) = stores.take("w", [IO], 1).jobs
    stores.backend.settle("w", [to_retry(job)])


def given_back(stores, task_id):
    (job,) = stores.take("w", [IO], 1).jobs
    stores.backend.release("w", [give_back(job)])


def rescued(stores, task_id):
    stores.take("w", [IO], 1)
    rescue(stores.backend, "w")


def retried_by_hand(stores, task_id):
    (job,) = stores.take("w", [IO], 1).jobs
    stores.backend.settle("w", [failure(job)])
    stores.backend.retry([task_id])


@pytest.mark.parametrize("wait_again", [retried, given_back, rescued, retried_by_hand])
def test_a_job_that_waits_again_without_a_push_is_found(stores, wait_again):
    task_id = enqueue(stores)
    sweep(stores)
    wait_again(stores, task_id)
    assert swept_next(stores) == {task_id}
    sweep(stores)
    enlist(stores.backend, "other")
    assert take(stores, worker="other") == [task_id]


def test_a_job_that_has_been_claimed_since_is_not_marked(stores):
    task_id = enqueue(stores)
    seen = stores.backend.unindexed(0, 10, -1.0)
    (job,) = stores.take("w", [IO], 1).jobs
    stores.backend.settle("w", [to_retry(job)])
    stores.backend.mark_indexed(seen)
    assert swept_next(stores) == {task_id}


def test_more_than_a_batch_is_swept(stores):
    jobs = [new_job(stores.backend) for _ in range(1201)]
    stores.backend.record(jobs)
    sweep(stores)
    assert stores.broker.depth([IO], 5000) == 1201
    assert take(stores, 5000) == [job.task_id for job in jobs]


def test_where_the_database_is_the_index_there_is_nothing_to_sweep(stores):
    alone = DatabaseBackend("default")
    task_id = record(alone)
    claimed = claim(alone, "w", task_id)
    alone.settle("w", [to_retry(claimed)])
    assert alone.unindexed(0, 10, -1.0) == []
    assert [each.entry.task_id for each in alone.unindexed(0, 10, -1.0, even_marked=True)]


# What the index has lost


def test_what_was_there_before_the_index_was_is_told_to_it(stores):
    task_id = record(DatabaseBackend("default"))
    sweep(stores)
    assert take(stores) == [task_id]


def test_a_flushed_index_is_told_all_again(stores):
    task_ids = [enqueue(stores) for _ in range(3)]
    sweep(stores)
    wipe_redis()
    assert take(stores) == []
    sweep(stores)
    assert take(stores) == task_ids


def test_an_index_that_came_back_without_the_newest_is_told_all_again(clock, ledger_redis):
    with servers.private("redis") as server:
        stores = open_stores(clock, server.url)
        enlist(stores.backend, "w")
        old = enqueue(stores)
        sweep(stores)
        with redis.Redis.from_url(server.url) as client:
            before = {key: client.dump(key) for key in client.scan_iter()}
        new = enqueue(stores)
        sweep(stores)
        server.restart()
        with redis.Redis.from_url(server.url) as client:
            client.flushall()
            for key, value in before.items():
                client.restore(key, 0, value)
        sweep(stores)
        assert take(stores) == [old, new]


def test_a_sweep_adds_nothing_to_what_is_known(stores, clock):
    late, ready = enqueue(stores, run_after=timedelta(seconds=60)), enqueue(stores)
    out = enqueue(stores, priority=-1)
    taken_by_one_who_died(stores, 1)
    wiped = stores.broker._server.base + "run"
    stores.broker._server.client.delete(wiped)
    sweep(stores)
    assert stores.broker.depth([IO], 10) == 2
    assert take(stores) == [ready]
    clock.advance(61)
    assert take(stores) == [out, late]


def test_a_sweep_is_urgent_after_a_restart_and_where_a_job_was_missing(stores):
    enqueue(stores)
    assert stores.broker.sweep(-1.0) == Swept(has_more=True, is_urgent=True)
    assert stores.broker.sweep(-1.0) == Swept(has_more=False, is_urgent=False)
    enqueue(stores)
    assert stores.broker.sweep(-1.0) == Swept(has_more=False, is_urgent=False)
    record(stores.backend)
    assert stores.broker.sweep(-1.0) == Swept(has_more=False, is_urgent=True)


def test_a_sweep_that_finds_nothing_does_not_wait_for_who_writes(stores, monkeypatch):
    enqueue(stores)
    sweep(stores)
    monkeypatch.setattr(stores.backend.engine, "writing", None)
    assert stores.broker.sweep(-1.0) == Swept(has_more=False, is_urgent=False)


def test_what_is_to_run_now_and_was_not_told_is_swept_to_its_new_place(stores):
    ready, late = enqueue(stores), enqueue(stores, run_after=timedelta(hours=1))
    last = enqueue(stores, priority=5)
    sweep(stores)
    stores.backend.run_now([late, last])
    assert swept_next(stores) == {late, last}
    sweep(stores)
    assert take(stores) == [late, last, ready]
    assert stores.broker.depth([IO], 10) == 0


def test_what_is_to_run_now_while_the_index_is_away_runs_once_it_is_back(clock, ledger_redis):
    with servers.private("redis") as server:
        stores = open_stores(clock, server.url)
        enlist(stores.backend, "w")
        late = enqueue(stores, run_after=timedelta(hours=1))
        sweep(stores)
        server.kill()
        assert stores.run_now([late]) == {late}
        server.start()
        sweep(stores)
        assert take(stores) == [late]


# What is no job


def test_ten_thousand_strange_entries_in_each_key_hide_nothing(stores, caplog):
    server = stores.broker._server
    good = [enqueue(stores, priority=n % 3) for n in range(20)]
    late = enqueue(stores, run_after=timedelta(seconds=60))
    noise = random.Random(4)
    texts = [noise.randbytes(noise.randint(0, 40)) for _ in range(9_000)]
    texts += [b"%016d:0:%032x" % (n, noise.getrandbits(128)) for n in range(1_000)]
    scores = [-1e18, -5, 0, 0.5, 1e18, float("inf"), float("-inf")]
    for name in ("ready:io:default", "delayed:io:default", "taken"):
        server.client.zadd(server.base + name, {text: noise.choice(scores) for text in texts})
    server.client.hset(server.base + "places", mapping={text: text for text in texts})
    taken = until(partial(take_until, stores, len(good)))
    assert sorted(taken) == sorted(good)
    assert stores.result(late).status is TaskStatus.PENDING
    assert len([r for r in caplog.records if "no job" in r.getMessage()]) == 1
    assert 0 < server.client.llen(server.base + "dead") <= 1000


def take_until(stores, count, taken=[]):  # noqa: B006 - it is kept on purpose
    taken += take(stores, 100)
    return taken if len(taken) >= count else None


@pytest.mark.parametrize(
    "name", ["ready:io:default", "delayed:io:default", "taken", "places", "run", "dead"]
)
def test_a_key_of_a_wrong_type_is_set_aside(stores, name):
    server = stores.broker._server
    kept, other = enqueue(stores), enqueue(stores, run_after=timedelta(seconds=60))
    server.client.delete(server.base + name)
    strange = server.client.hset if name in {"ready:io:default", "run"} else server.client.lpush
    strange(server.base + name, "x", "y")
    sweep(stores)
    server.client.delete(server.base + "run")
    sweep(stores)
    until(lambda: stores.result(kept).status is TaskStatus.RUNNING or take(stores))
    stores.broker.forget([other])
    enqueue(stores)
    assert len(take(stores)) == 1


# In a transaction of the site


@pytest.fixture
def dead_site(settings, ledger_redis):
    """A site whose broker is away."""
    broker = {"URL": NOWHERE, "SOCKET_TIMEOUT": 1.0, "NAMESPACE": redis_config().namespace}
    settings.FLOWRRA = {"BROKER": broker, "BACKEND": "django://default"}


def test_a_site_whose_broker_is_away_goes_on(dead_site):
    started = time.monotonic()
    with transaction.atomic():
        job = add.enqueue(1, 2)
    assert add.enqueue(3, 4).get().status is TaskStatus.PENDING
    assert time.monotonic() - started < 2.0
    assert job.get().status is TaskStatus.PENDING
    assert TaskRecord.objects.filter(indexed=False).count() == 2


def test_a_broker_that_hangs_holds_a_request_no_longer_than_its_timeout(clock, ledger_redis):
    with servers.private("redis") as server:
        stores = open_stores(clock, server.url)
        enqueue(stores)
        with redis.Redis.from_url(server.url) as client:
            client.client_pause(60_000)
        started = time.monotonic()
        task_id = enqueue(stores)
        assert time.monotonic() - started < 1.5
        assert status_of(stores.backend, task_id) is TaskStatus.PENDING


def test_the_ledger_has_to_keep_marks():
    config = BrokerConfig("redis://h")
    with pytest.raises(ConfigurationError, match="needs a database"):
        LeasingBroker.from_config(config, InMemoryBackend())


# What is changed in a transaction


@pytest.fixture
def site(settings, ledger_redis, redis_server):
    """The stores of a site with its index in Redis."""
    config = redis_config()
    broker = {"URL": config.url, "NAMESPACE": config.namespace}
    settings.FLOWRRA = {"BROKER": broker, "BACKEND": "django://default"}
    stores = runtime.get_stores()
    enlist(stores.backend, "w")
    yield stores
    stores.close()


def roll_back(change):
    with pytest.raises(Undo), transaction.atomic():
        assert change()
        raise Undo


@pytest.mark.parametrize(
    "change",
    [
        lambda job: job.cancel(),
        lambda job: async_to_sync(job.acancel)(),
        lambda job: cancel_jobs(),
        lambda job: purge_queue("default"),
        lambda job: delete_jobs(status="pending"),
    ],
    ids=["cancel", "acancel", "cancel-jobs", "purge-queue", "delete-jobs"],
)
def test_a_job_that_a_transaction_took_away_is_taken_if_that_is_rolled_back(site, change):
    job = add.enqueue(1, 2)
    sweep(site)
    roll_back(lambda: change(job))
    assert take(site) == [job.id]


def test_what_was_to_run_now_keeps_its_place_if_that_is_rolled_back(site):
    first, second = add.enqueue(1, 2), add.enqueue(3, 4)
    sweep(site)
    roll_back(second.run_now)
    assert take(site, 1) == [first.id]


def test_a_retry_that_is_rolled_back_is_not_told_to_the_index(site):
    job = add.enqueue(1, 2)
    job.cancel()
    roll_back(lambda: site.retry([job.id]))
    assert site.broker.depth([IO], 10) == 0


def test_the_index_is_told_at_the_commit_of_what_the_transaction_changed(site):
    ended, unwanted, last = (add.enqueue(1, 2) for _ in range(3))
    ended.cancel()
    with transaction.atomic():
        assert unwanted.cancel()
        assert last.run_now()
        assert site.retry([ended.id]) == {ended.id}
        assert site.broker.depth([IO], 10) == 2
    assert site.broker.depth([IO], 10) == 2
    assert take(site) == [last.id, ended.id]


def test_a_cancel_in_a_savepoint_that_is_rolled_back_leaves_the_job_to_be_taken(site):
    job = add.enqueue(1, 2)
    sweep(site)
    with transaction.atomic():
        roll_back(job.cancel)
    assert take(site) == [job.id]


# Together


def test_no_job_is_lost_or_doubled_while_many_take_sweep_and_push(stores):
    workers = ["a", "b", "c"]
    enlist(stores.backend, *workers)
    task_ids = {record(stores.backend) for _ in range(30)} | {enqueue(stores) for _ in range(30)}

    def work(worker_id):
        taken = []
        for _ in range(40):
            jobs = stores.take(worker_id, [IO], 3).jobs
            taken += [job.task_id for job in jobs]
            stores.settle(worker_id, [success(job) for job in jobs])
        return taken

    calls = [partial(work, worker_id) for worker_id in workers]
    *taken, _ = at_once(stores, [*calls, partial(sweep, stores)])
    sweep(stores)
    left = take(stores, 100)
    assert sorted([*chain(*taken), *left]) == sorted(task_ids)


def test_an_entry_that_comes_late_starts_nothing_twice(stores):
    job = new_job(stores.backend)
    entries = stores.backend.record([job])
    sweep(stores)
    (claimed,) = stores.take("w", [IO], 10).jobs
    stores.broker.push([Entry(job.task_id, IO, 0, claimed.sequence)])
    assert take(stores) == []
    stores.settle("w", [success(claimed)])
    stores.broker.push(entries)
    assert take(stores) == []
    assert stores.broker.depth([IO], 10) == 0


@pytest.mark.parametrize(
    "values", [{"kind": "junk"}, {"priority": "first"}, {"queue": b"\x00"}], ids=str
)
@pytest.mark.parametrize("is_known", [False, True])
def test_a_malformed_row_fails_and_holds_up_no_sweep(stores, values, is_known):
    bad, good = record(stores.backend), record(stores.backend)
    TaskRecord.objects.filter(task_id=bad).update(indexed=is_known)
    ((name, value),) = values.items()
    with stores.backend.engine.writing() as cursor:
        table = TaskRecord._meta.db_table
        cursor.execute(f"UPDATE {table} SET {name} = %s WHERE task_id = %s", [value, bad])
    sweep(stores)
    assert take(stores) == [good]
    assert TaskRecord.objects.values_list("status", "error").get(task_id=bad) == (
        "failed",
        MALFORMED,
    )
