"""Real workers on Redis: as ledger and index, and as index over the database."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
import redis
from django.db import transaction

from flowrra_django import TaskStatus, runtime
from tests import servers
from tests.contracts.acts import new_job
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need, wipe_redis
from tests.support import until
from tests.testapp import tasks

pytestmark = pytest.mark.django_db(transaction=True)

PERIODS = {"HEARTBEAT_INTERVAL": 0.2, "HEARTBEAT_TIMEOUT": 1, "RESCUE_INTERVAL": 0.2}


@pytest.fixture(autouse=True)
def _end_the_thread_of_these_settings(settings):
    """Leave no thread that waits, whose stores are forgotten with the settings of the test."""
    yield
    if runtime.get_stores.cache_info().currsize:
        runtime.get_stores().stop()


def redis_at(url=None):
    config = redis_config()
    return {"URL": url or config.url, "NAMESPACE": config.namespace, "SOCKET_TIMEOUT": 1.0}


def flowrra(over_database, url=None):
    backend = {"BACKEND": "django://default"} if over_database else {}
    return {"BROKER": redis_at(url), **backend, "EXECUTOR": PERIODS}


@pytest.fixture(params=[False, True], ids=["redis", "redis-over-sqlite"])
def over_database(request, ledger_redis):
    need("redis")
    return request.param


@pytest.fixture
def site(over_database, settings):
    """A site with its jobs in Redis; what its workers need in their environment."""
    settings.FLOWRRA = flowrra(over_database)
    return {"FLOWRRA_TEST_SETTINGS": json.dumps(settings.FLOWRRA)}


def test_a_worker_runs_every_kind_of_code_and_says_where_its_jobs_are(site, start_worker):
    worker = start_worker(**site)
    jobs = [tasks.add.enqueue(1, 2), tasks.double.enqueue(3), tasks.square.enqueue(4)]
    with transaction.atomic():
        jobs.append(tasks.add.enqueue(20, 22))
    assert [job.wait(timeout=20).result for job in jobs] == [3, 6, 16, 42]
    assert "redis://" in worker.output
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0


def test_a_job_is_begun_soon_after_its_commit(site, start_worker):
    start_worker(**site)
    tasks.add.enqueue(0, 0).wait(timeout=20)
    waits = []
    for _ in range(5):
        job = tasks.add.enqueue(1, 2)
        result = job.wait(timeout=20)
        waits.append((result.started_at - result.submitted_at).total_seconds())
    assert sorted(waits)[2] < 0.2  # and not the second after which a worker looks by itself


def test_the_jobs_of_a_killed_worker_are_run_by_another(site, start_worker):
    job = tasks.doze.enqueue(2)
    first = start_worker(**site)
    until(lambda: job.get().status is TaskStatus.RUNNING)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    start_worker(**site)
    result = job.wait(timeout=20)
    assert (result.status, result.attempts, result.crashes) == (TaskStatus.SUCCESS, 2, 1)


def test_a_worker_goes_on_when_its_redis_comes_back(over_database, start_worker, settings):
    with servers.private("redis") as server:
        settings.FLOWRRA = flowrra(over_database, server.url)
        worker = start_worker(FLOWRRA_TEST_SETTINGS=json.dumps(settings.FLOWRRA))
        tasks.add.enqueue(1, 2).wait(timeout=20)
        before = tasks.add.enqueue(3, 4)
        server.kill()
        until(lambda: "does not answer" in worker.output)
        server.start()
        assert before.wait(timeout=20).is_success
        assert tasks.add.enqueue(5, 6).wait(timeout=20).result == 11
        until(lambda: "answers again" in worker.output)
        assert worker.output.count("Traceback") == 0


def test_jobs_that_were_recorded_while_the_index_was_away_or_forgot_them_are_run(
    start_worker, settings
):
    with servers.private("redis") as server:
        settings.FLOWRRA = flowrra(True, server.url)
        environment = {"FLOWRRA_TEST_SETTINGS": json.dumps(settings.FLOWRRA)}
        known = tasks.add.enqueue(1, 2)
        server.kill()
        started = time.monotonic()
        unknown = tasks.add.enqueue(3, 4)
        assert time.monotonic() - started < 2.0
        server.start()
        with redis.Redis.from_url(server.url) as client:
            client.flushall()
        start_worker(**environment)
        assert [job.wait(timeout=20).result for job in (known, unknown)] == [3, 7]


def test_a_web_process_that_died_between_commit_and_push_leaves_no_job_behind(
    start_worker, settings, ledger_redis
):
    need("redis")
    settings.FLOWRRA = flowrra(True)
    start_worker(FLOWRRA_TEST_SETTINGS=json.dumps(settings.FLOWRRA))
    stores, task = runtime.get_stores(), tasks.add.definition
    job = new_job(stores.backend, 1, 2, task_name=task.name, kind=task.kind)
    stores.backend.record([job])
    assert until(lambda: stores.result(job.task_id).is_success)


def test_a_worker_that_redis_refuses_says_why_and_ends(start_worker, settings):
    with servers.private("redis") as server:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        worker = start_worker(FLOWRRA_TEST_SETTINGS=json.dumps(flowrra(False, server.url)))
        assert worker.wait() == 2
        assert "noeviction" in worker.output
        assert "Traceback" not in worker.output


def test_a_burst_runs_what_the_index_has_lost(start_worker, settings, ledger_redis):
    need("redis")
    # The sweeper of the worker looks at once, and leaves what is younger than its period.
    settings.FLOWRRA = {**flowrra(True), "EXECUTOR": {**PERIODS, "RESCUE_INTERVAL": 6}}
    job = tasks.add.enqueue(1, 2)
    wipe_redis()
    worker = start_worker("--burst", FLOWRRA_TEST_SETTINGS=json.dumps(settings.FLOWRRA))
    assert worker.wait() == 0
    assert job.get().result == 3
