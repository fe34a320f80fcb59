"""Real workers that serve several queues: by weight, in strict order, and what waits too long."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest

from flowrra_django import runtime
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need
from tests.support import until
from tests.testapp.tasks import double

pytestmark = pytest.mark.django_db(transaction=True)

ONE_SLOT = ("--thread-workers", "1")
HIGH, LOW = "high", "low"


@pytest.fixture(params=["database", "redis", "redis-over-database"])
def site(request, settings):
    """Where jobs are kept; given settings of the executor, it returns a worker's environment."""

    def configure(**executor):
        settings.FLOWRRA = {**where, "EXECUTOR": executor}
        return {"FLOWRRA_TEST_SETTINGS": json.dumps(settings.FLOWRRA)}

    where = {"BACKEND": "django://default"}
    if request.param != "database":
        need("redis")
        request.getfixturevalue("ledger_redis")
        config = redis_config()
        index = {"BROKER": {"URL": config.url, "NAMESPACE": config.namespace}}
        where = index if request.param == "redis" else {**where, **index}
    yield configure
    if runtime.get_stores.cache_info().currsize:
        runtime.get_stores().stop()


def enqueue(count, queue, **options):
    return double.using(queue=queue, **options).enqueue_many([(n,) for n in range(count)])


def order_of(*groups):
    """Return the groups' numbers in the order in which their jobs were started."""
    started = [(job.get().started_at, n) for n, jobs in enumerate(groups) for job in jobs]
    return [number for _, number in sorted(started)]


def test_two_workers_share_their_slots_by_the_weights_of_the_queues(site, start_worker):
    environment = site()
    low, high = enqueue(40, LOW), enqueue(40, HIGH)
    options = ("--burst", "--queue", f"{LOW}=1", "--queue", f"{HIGH}=3", *ONE_SLOT)
    workers = [start_worker(*options, **environment) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    order = order_of(low, high)
    assert len(order) == 80
    assert Counter(order[:40])[1] == pytest.approx(30, abs=4)


def test_in_strict_order_a_later_queue_comes_last_whatever_its_priorities(site, start_worker):
    environment = site()
    low, high = enqueue(15, LOW, priority=-9), enqueue(15, HIGH)
    options = ("--burst", "--strict", "--queue", HIGH, "--queue", LOW, *ONE_SLOT)
    worker = start_worker(*options, **environment)
    assert worker.wait(60) == 0
    assert order_of(high, low) == [0] * 15 + [1] * 15
    assert f"queues  {HIGH}, {LOW}, in this order" in worker.output


@pytest.mark.parametrize(("ageing", "first"), [(0.001, 12), (None, 60)])
def test_what_waits_too_long_is_begun_before_what_is_more_urgent(site, start_worker, ageing, first):
    environment = site(AGEING=ageing)
    late = enqueue(3, LOW, priority=50)
    urgent = enqueue(60, HIGH)
    start_worker("--burst", *ONE_SLOT, **environment).wait(60)
    order = order_of(urgent, late)
    assert order.index(1) <= first + 1
    assert (order.index(1) == 60) is (ageing is None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--queue", "a=0"], "a whole number from 1"),
        (["--queue", "a=1.5"], "a whole number from 1"),
        (["--strict"], "--strict --queue first"),
        (["--strict", "--queue", "a=2", "--queue", "b"], "weights or a strict order"),
    ],
)
def test_what_cannot_be_meant_is_refused(start_worker, options, said):
    worker = start_worker(*options)
    assert worker.wait(20) == 2
    assert said in worker.output
    assert "Traceback" not in worker.output


def test_a_delayed_job_of_another_queue_is_no_reason_to_wait(site, start_worker):
    environment = site()
    enqueue(1, HIGH, run_after=timedelta(hours=1))
    (job,) = enqueue(1, LOW)
    start_worker("--strict", "--queue", HIGH, "--queue", LOW, **environment)
    assert until(lambda: job.get().is_success)
