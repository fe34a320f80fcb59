"""The ledger in Redis: what is there instead of jobs, and what a server does that is in trouble."""

import asyncio
import math
import multiprocessing
import os
import random
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from functools import partial

import pytest
import redis

from flowrra_django.backends.redis import RedisBackend
from flowrra_django.backends.redis.server import check_server
from flowrra_django.brokers.redis import RedisBroker
from flowrra_django.config import BackendConfig
from flowrra_django.engine import waiters
from flowrra_django.engine.stores import Stores
from flowrra_django.exceptions import ConfigurationError
from flowrra_django.job import NO_HISTORY, Kind
from flowrra_django.results import TaskStatus
from tests import servers
from tests.backends.draining import drain
from tests.contracts.acts import (
    IO,
    claim_new,
    enlist,
    enqueue,
    new_job,
    record,
    record_many,
    rescue,
    success,
    to_retry,
)
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need
from tests.support import until

SOON = timedelta(seconds=60)
JOBS = 1000


@pytest.fixture
def stores(clock, ledger_redis):
    need("redis")
    stores = open_stores(redis_config(), clock)
    yield stores
    stores.close()


def open_stores(config, clock=None):
    backend = RedisBackend(config, ahead=clock.ahead if clock else lambda: 0.0)
    stores = Stores(backend, RedisBroker(backend))
    enlist(backend, "w")
    return stores


def on(server, **options):
    """Return the config of a private server."""
    return BackendConfig(server.url, socket_timeout=1.0, **options)


def take(stores, limit=10, worker="w"):
    return [job.task_id for job in stores.take(worker, [IO], limit).jobs]


def raw(stores):
    """Return a client, and what the keys of the ledger begin with."""
    return stores.backend.server.client, stores.backend.server.base


# What is no job


def test_ten_thousand_strange_entries_in_each_key_hide_nothing(stores, caplog, clock):
    client, base = raw(stores)
    good = [enqueue(stores, priority=n % 3) for n in range(20)]
    late = enqueue(stores, run_after=SOON)
    noise = random.Random(4)
    texts = [noise.randbytes(noise.randint(0, 40)) for _ in range(9_000)]
    texts += [b"%016d:0:%032x" % (n, noise.getrandbits(128)) for n in range(1_000)]
    scores = [-1e18, -5, 0, 0.5, 1e18, float("inf"), float("-inf")]
    texts = [text for text in texts if text != b"w"]
    for name in ("ready:io:default", "delayed:io:default", "ended", "beats"):
        client.zadd(base + name, {text: noise.choice(scores) for text in texts})
    for name in ("lanes", "holders", "held:w", "held:gone", "later:io:default"):
        client.sadd(base + name, *texts)
    client.hset(base + "workers", mapping={b"+" * 50 + text: text for text in texts})
    client.set(base + "seq", b"\xff" * 100)
    taken = []
    until(lambda: len(taken.extend(take(stores, 100)) or taken) >= len(good))
    assert sorted(taken) == sorted(good)
    assert stores.backend.queues() == {"default"}
    assert [beat.worker.worker_id for beat in stores.backend.beats()] == ["w"]
    assert stores.backend.strays() == set()
    assert len(stores.backend.held("w", Kind.IO)) == len(good)
    while stores.backend.prune(0, 1000):
        pass
    after = enqueue(stores)
    assert take(stores) == [after]
    clock.advance(61)
    until(lambda: late in take(stores, 100))
    assert len([r for r in caplog.records if "no job" in r.getMessage()]) == 1
    assert 0 < client.llen(base + "dead") <= 1000


KEYS = [
    "ready:io:default", "delayed:io:default", "later:io:default", "lanes", "held:w", "holders",
    "ended", "beats", "workers", "seq", "dead",
]  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_a_wrong_type_is_set_aside(stores, name):
    client, base = raw(stores)
    client.delete(base + name)
    (client.hset if name != "workers" else client.lpush)(base + name, "x", "y")
    stores.backend.dismiss("w")
    enlist(stores.backend, "w")
    first, second, third = enqueue(stores), enqueue(stores, run_after=SOON), enqueue(stores)
    (one, other) = stores.take("w", [IO], 10).jobs
    assert [one.task_id, other.task_id] == [first, third]
    assert stores.settle("w", [success(one), to_retry(other, 60)]).accepted == {first, third}
    assert stores.cancel([second]) == {second}
    assert stores.backend.has_work([IO])
    assert stores.retry([first]) == {first}
    assert take(stores) == [first]
    assert rescue(stores.backend, "w") == [first]
    assert stores.backend.beats() == []


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_turns_strange_under_a_job_keeps_it_from_nothing(stores, name):
    client, base = raw(stores)
    task_id = enqueue(stores)
    (job,) = stores.take("w", [IO], 1).jobs
    client.delete(base + name)
    client.set(base + name, "strange")
    assert stores.settle("w", [success(job)]).accepted == {task_id}
    stores.backend.prune(-60, 10)
    assert stores.backend.results([task_id]) == {} or name == "ended"


def test_a_worker_whose_description_was_spoilt_keeps_its_licence(stores):
    client, base = raw(stores)
    for text in ("", "[1, 2]", "{}", "no JSON", '["h", "x", 3, 4, 5, 6]'):
        client.hset(base + "workers", "w", text or "-")
        (beat,) = stores.backend.beats()
        assert beat.worker.worker_id == "w"
    assert stores.backend.beat("w")


def test_a_job_that_is_of_a_wrong_type_is_no_job(stores):
    client, base = raw(stores)
    strange, good = enqueue(stores), enqueue(stores)
    client.delete(f"{base}job:{strange}")
    client.lpush(f"{base}job:{strange}", "x")
    assert take(stores) == [good]
    assert set(stores.backend.results([strange, good])) == {good}
    assert stores.backend.settled_among([strange, good]) == {strange}
    assert stores.cancel([strange, good]) == {good}


def keyed(stores, **options):
    """Record a job with a key; return the id of the job that has it then."""
    job = new_job(stores.backend, unique_key="k", expires_in=SOON, **options)
    recorded = stores.record([job])
    return recorded.duplicates.get(job.task_id, job.task_id)


@pytest.mark.parametrize("name", ["keys", "expiring"])
def test_what_keeps_jobs_unique_or_lets_them_expire_is_set_aside_if_it_is_strange(
    stores, name, clock
):
    client, base = raw(stores)
    first = keyed(stores)
    client.delete(base + name)
    client.lpush(base + name, "strange")
    second = keyed(stores)
    assert (second == first) is (name == "expiring")
    client.delete(base + name)
    client.lpush(base + name, "strange")
    jobs = stores.take("w", [IO], 1).jobs
    stores.settle("w", [success(job) for job in jobs])
    clock.advance(61)
    stores.expire(10)
    assert keyed(stores) not in {first, second}


@pytest.mark.parametrize("text", ["", "strange", "-1", "9" * 15, "9" * 40])
def test_strange_entries_of_keys_and_moments_hide_nothing(stores, text, clock):
    client, base = raw(stores)
    client.hset(base + "keys", "k", text)
    client.zadd(base + "expiring", {text: -5, "nobody": 0})
    first = keyed(stores)
    assert keyed(stores) == first
    other = enqueue(stores, expires_in=SOON)
    client.hset(f"{base}job:{other}", "expires", text)
    clock.advance(61)
    assert first in stores.backend.expire(10)
    stores.take("w", [IO], 10)
    assert stores.backend.expire(10) == []
    assert keyed(stores) != first


@pytest.mark.parametrize("how", ["deleted", "of another key", "ended unseen"])
def test_a_key_whose_job_does_not_have_it_is_free(stores, how):
    client, base = raw(stores)
    first = keyed(stores)
    if how == "deleted":
        client.delete(f"{base}job:{first}")
    else:
        field, value = ("key", "other") if how == "of another key" else ("status", "failed")
        client.hset(f"{base}job:{first}", field, value)
    second = keyed(stores)
    assert second != first
    stores.cancel([first])
    assert keyed(stores) == second


FIELDS = [
    "status", "kind", "queue", "priority", "seq", "claim", "attempts", "failures", "crashes",
    "name", "args", "kwargs", "meta", "max_crashes", "history", "submitted",
]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_a_job_without_a_field_that_it_needs_is_no_job_and_hides_nothing(stores, field):
    client, base = raw(stores)
    strange, good = enqueue(stores), enqueue(stores)
    client.hdel(f"{base}job:{strange}", field)
    assert take(stores) == [good]
    assert take(stores) == []


@pytest.mark.parametrize("field", ["seq", "claim", "attempts", "failures", "crashes"])
def test_a_job_that_was_run_less_than_never_is_no_job(stores, field):
    client, base = raw(stores)
    strange, good = enqueue(stores), enqueue(stores)
    client.hset(f"{base}job:{strange}", field, "-2147483648")
    assert take(stores) == [good]


@pytest.mark.parametrize("field", FIELDS)
def test_a_job_with_a_strange_field_keeps_no_worker_from_work(stores, field):
    client, base = raw(stores)
    strange, good = enqueue(stores), enqueue(stores)
    client.hset(f"{base}job:{strange}", field, b"\xff\x00 strange")
    jobs = stores.take("w", [IO], 10).jobs
    assert good in [job.task_id for job in jobs]
    assert {job.history for job in jobs} == {NO_HISTORY}
    stores.settle("w", [to_retry(job) for job in jobs])
    stores.backend.results([strange, good])
    assert good in take(stores)


@pytest.mark.parametrize("field", [*FIELDS, "run_after"])
def test_a_job_with_a_strange_field_hides_nothing_that_has_grown_old(stores, clock, field):
    client, base = raw(stores)
    strange, good = enqueue(stores, priority=1), enqueue(stores)
    client.hset(f"{base}job:{strange}", field, b"\xff\x00 strange")
    clock.advance(100)
    assert good in [job.task_id for job in stores.take_old("w", [IO], 10, 50)]


def test_strange_entries_of_a_lane_do_not_hide_for_ever_what_has_grown_old(stores, clock):
    client, base = raw(stores)
    strange = {f"{n}:strange": score for n, score in enumerate([math.inf, -math.inf, *range(300)])}
    client.zadd(f"{base}ready:io:default", strange)
    good = enqueue(stores, priority=-9)
    clock.advance(100)
    taken = until(lambda: stores.take_old("w", [IO], 10, 50))
    assert [job.task_id for job in taken] == [good]


# Sent again, at once, and after a while


def test_old_results_go_as_later_jobs_end(clock, ledger_redis):
    need("redis")
    config = redis_config()
    stores = open_stores(BackendConfig(config.url, 100, namespace=config.namespace), clock)
    old = [claim_new(stores.backend, "w") for _ in range(4)]
    stores.settle("w", [success(job) for job in old])
    clock.advance(101)
    for left in (2, 0):
        stores.settle("w", [success(claim_new(stores.backend, "w"))])
        assert len(stores.backend.results([job.task_id for job in old])) == left


def test_a_rescue_that_was_broken_off_is_ended_by_another(stores, monkeypatch):
    jobs = [claim_new(stores.backend, "w") for _ in range(3)]
    with monkeypatch.context() as patch:

        def die(*_):
            raise KeyboardInterrupt

        patch.setattr(stores.backend, "_held", die)
        with pytest.raises(KeyboardInterrupt):
            rescue(stores.backend, "w")
    assert stores.backend.beats() == []
    assert stores.backend.strays() == {"w"}
    assert len(stores.backend.rescue("w", None).waiting) == len(jobs)
    assert stores.backend.strays() == set()


def test_scripts_come_back_after_a_flush_of_them():
    with private_redis() as server:
        stores = open_stores(on(server))
        first = enqueue(stores)
        stores.backend.server.client.script_flush()
        assert take(stores) == [first]


def test_no_job_is_claimed_by_two_processes(stores):
    task_ids = record_many(stores.backend, JOBS)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        taken = [task_id for part in pool.map(drain, [redis_config()] * 2) for task_id in part]
    assert sorted(taken) == sorted(task_ids)


def test_a_forked_child_has_connections_of_its_own(stores):
    task_id = enqueue(stores)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        status = stores.result(task_id).status
        os.write(writing, status.value.encode())
        os._exit(0)
    until(lambda: stores.result(task_id).status is TaskStatus.PENDING)
    os.waitpid(pid, 0)
    assert os.read(reading, 100) == b"pending"
    assert stores.result(task_id).status is TaskStatus.PENDING
    os.close(reading)
    os.close(writing)


# A server in trouble


def private_redis():
    try:
        servers.Redis._binary()
    except servers.NoServerError as error:
        (pytest.fail if servers.is_required("redis") else pytest.skip)(str(error))
    return servers.private("redis")


def test_a_server_that_hangs_is_an_outage_within_the_timeout():
    with private_redis() as server:
        stores = open_stores(on(server))
        enqueue(stores)
        with closing(redis.Redis.from_url(server.url)) as client:
            client.client_pause(60_000)
        for act in (partial(enqueue, stores), partial(take, stores)):
            started = time.monotonic()
            with pytest.raises(redis.TimeoutError) as caught:
                act()
            assert time.monotonic() - started < 1.5
            assert stores.may_pass(caught.value)


def test_a_server_that_is_away_is_an_outage_and_its_return_is_noticed():
    with private_redis() as server:
        stores = open_stores(on(server))
        first = enqueue(stores)
        server.kill()
        with pytest.raises(redis.ConnectionError) as caught:
            enqueue(stores)
        assert stores.may_pass(caught.value)
        server.start()
        assert take(stores) == [first]


def test_a_full_server_takes_no_new_jobs_and_ends_those_it_has(caplog):
    with private_redis() as server:
        stores = open_stores(on(server))
        client = stores.backend.server.client
        before = [enqueue(stores) for _ in range(3)]
        client.config_set("maxmemory", "1mb")
        with pytest.raises(redis.exceptions.OutOfMemoryError) as caught:
            enqueue(stores)
        assert stores.may_pass(caught.value)
        assert stores.backend.beat("w")
        jobs = stores.take("w", [IO], 10).jobs
        assert [job.task_id for job in jobs] == before
        assert len(stores.settle("w", [success(jobs[0]), to_retry(jobs[1])]).accepted) == 2
        assert stores.release("w", []).accepted == set()
        assert stores.backend.prune(-60, 10) == 1
        client.config_set("maxmemory", "0")
        after = enqueue(stores)
        assert take(stores) == [before[1], after]
        assert len(client.keys("*job:*")) == 3


def test_a_replica_is_an_outage():
    with private_redis() as server:
        stores = open_stores(on(server))
        stores.backend.server.client.replicaof("127.0.0.1", "1")
        with pytest.raises(redis.ReadOnlyError) as caught:
            enqueue(stores)
        assert stores.may_pass(caught.value)
        stores.backend.server.client.replicaof("no", "one")
        enqueue(stores)


def test_a_server_that_somebody_keeps_busy_is_no_outage():
    with private_redis() as server:
        stores = open_stores(on(server))
        client = stores.backend.server.client
        client.config_set("busy-reply-threshold", 10)
        other = redis.Redis.from_url(server.url)
        spin = threading.Thread(target=partial(spin_for_ever, other))
        spin.start()
        error = until(partial(busy_error, stores))
        assert stores.backend.is_busy(error)
        assert not stores.backend.is_outage(error)
        client.script_kill()
        spin.join()
        other.close()


def spin_for_ever(client):
    with suppress(redis.ResponseError):
        client.eval("while true do end", 0)


def busy_error(stores):
    try:
        record(stores.backend)
    except redis.ResponseError as error:
        return error
    return None


def test_a_wrong_password_is_no_outage_and_is_not_told():
    with private_redis() as server:
        with closing(redis.Redis.from_url(server.url)) as client:
            client.config_set("requirepass", "s3cr3t")
        for password in ("", ":wr0ng@"):
            url = server.url.replace("redis://", f"redis://{password}")
            with pytest.raises(redis.AuthenticationError) as caught:
                open_stores(BackendConfig(url))
            assert not RedisBackend(BackendConfig(url)).is_outage(caught.value)
            assert "wr0ng" not in str(caught.value)
        right = server.url.replace("redis://", "redis://:s3cr3t@")
        assert take(open_stores(BackendConfig(right))) == []


def test_a_server_that_forgets_keys_is_refused_at_its_first_use():
    with private_redis() as server:
        with closing(redis.Redis.from_url(server.url)) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        backend = RedisBackend(on(server))
        for act in (backend.beats, lambda: record(backend), lambda: backend.results(["x"])):
            with pytest.raises(ConfigurationError, match="noeviction"):
                act()


@pytest.mark.parametrize(("version", "fits"), [("6.0.16", False), ("6.2.0", True), ("7.4", True)])
def test_a_server_that_is_too_old_is_refused(version, fits):
    if fits:
        check_server({"redis_version": version})
        return
    with pytest.raises(ConfigurationError, match=r"6\.0\.16 is too old: 6\.2"):
        check_server({"redis_version": version})


def test_a_user_who_may_not_read_about_the_server_is_served(caplog):
    with private_redis() as server:
        with closing(redis.Redis.from_url(server.url)) as client:
            client.acl_setuser(
                "worker", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"],
                categories=["+@all"], commands=["-info"],
            )  # fmt: skip
        url = server.url.replace("redis://", "redis://worker:pw@")
        assert enqueue(open_stores(BackendConfig(url)))
        assert "was not checked" in caplog.text


def test_when_all_connections_are_in_use_that_is_said_after_a_moment():
    with private_redis() as server:
        stores = open_stores(on(server, max_connections=2))
        pool = stores.backend.server.client.connection_pool
        held = [pool.get_connection(), pool.get_connection()]
        started = time.monotonic()
        with pytest.raises(redis.ConnectionError, match="All 2 connections"):
            enqueue(stores)
        assert 0.5 < time.monotonic() - started < 3.0
        for connection in held:
            pool.release(connection)
        assert enqueue(stores)


def test_a_socket_in_the_file_system_will_do(tmp_path):
    with private_redis() as server:
        path = server.folder / "socket"
        server.kill()
        command = server.command
        server.command = lambda: [*command(), "--unixsocket", str(path), "--unixsocketperm", "777"]
        server.start()
        stores = open_stores(BackendConfig(f"unix://{path}?db=3"))
        assert take(stores) == []
        assert enqueue(stores)
        with closing(redis.Redis.from_url(server.url.replace("/0", "/3"))) as client:
            assert client.keys("*job:*")


def test_two_namespaces_of_a_server_know_nothing_of_each_other():
    with private_redis() as server:
        one, other = (open_stores(on(server, namespace=name)) for name in ("one", "other"))
        task_id = enqueue(one)
        assert take(other) == []
        assert take(one) == [task_id]
        with closing(redis.Redis.from_url(server.url, decode_responses=True)) as client:
            assert {key.split(":")[0] for key in client.scan_iter()} == {"{one}", "{other}"}
            assert {key.split(":")[1] for key in client.scan_iter()} == {"v1"}


# Waking up


def test_who_listens_hears_of_a_first_job_and_of_an_earlier_one_only(stores):
    heard = threading.Semaphore(0)
    listener = stores.broker.listen(lambda _: heard.release())
    assert heard.acquire(timeout=10)  # for what came before
    until(lambda: raw(stores)[0].pubsub_numsub(raw(stores)[1] + "wake")[0][1] == 1)
    while heard.acquire(timeout=0.1):
        pass
    enqueue(stores)
    assert heard.acquire(timeout=10)
    enqueue(stores)
    assert not heard.acquire(timeout=0.2)
    for delay, is_news in ((60, True), (120, False), (30, True)):
        enqueue(stores, run_after=timedelta(seconds=delay))
        assert heard.acquire(timeout=10 if is_news else 0.2) is is_news
    listener.close()
    assert not listener.is_alive()


def test_who_listens_goes_on_to_after_the_server_was_away():
    with private_redis() as server:
        stores = open_stores(on(server))
        heard = threading.Event()
        listener = stores.broker.listen(lambda _: heard.set())
        assert heard.wait(10)
        server.restart()
        heard.clear()
        assert heard.wait(10)
        listener.close()


async def test_who_waits_for_a_job_hears_of_its_end(clock, ledger_redis, monkeypatch):
    need("redis")
    monkeypatch.setattr(waiters, "SHORTEST_POLL", 30.0)
    monkeypatch.setattr(waiters, "LISTENING_POLL", 30.0)
    here, there = open_stores(redis_config(), clock), open_stores(redis_config(), clock)
    job = claim_new(there.backend, "w")
    wait = asyncio.create_task(here.wait(job.task_id, 20))
    client, base = raw(here)
    here.waiters._next_poll = 0.0  # the first look, with which it begins to listen
    await asyncio.to_thread(until, lambda: here.waiters._waiting)
    here.waiters._next_poll = 0.0
    here.place.nudge()
    await asyncio.to_thread(until, lambda: client.pubsub_numsub(base + "ended")[0][1])
    started = time.monotonic()
    there.settle("w", [success(job)])
    assert (await wait).is_success
    assert time.monotonic() - started < 5
    here.close()
    assert client.pubsub_numsub(base + "ended")[0][1] == 0


async def test_nobody_listens_for_long_after_the_last_who_waited(stores, monkeypatch):
    monkeypatch.setattr(waiters, "LINGER_SECONDS", 0.2)
    job = claim_new(stores.backend, "w")
    wait = asyncio.create_task(stores.wait(job.task_id, 20))
    await asyncio.to_thread(until, lambda: stores.waiters._listening.listener)
    stores.settle("w", [success(job)])
    await wait
    stores.place.nudge()
    await asyncio.to_thread(until, lambda: stores.waiters._listening.listener is None)
