"""Servers that are killed, cut off, emptied, full, or do not get their answers through."""

from __future__ import annotations

import time

from . import outlets
from .checker import Wanted
from .client import WebError
from .engines import MARIADB, POSTGRESQL, REDIS, REDIS_OVER_POSTGRESQL, SERVERS, private
from .scenario import fault
from .site import Site, size

CLEAR = ("maxmemory", "too many clients", "connection slots", "Too many connections")
UNHARMED = Wanted(most_starts=1, most_attempts=1)


@fault("3 the server killed and restarted", off=("patience",), engines=SERVERS)
def test_a_server_that_is_killed_and_restarted_in_mid_load_loses_nothing(site: Site) -> None:
    site.start_workers(2)
    _load(site, size(600, 10_000), UNHARMED)
    for number, kind in enumerate(sorted(site.engine.kinds), 1):
        site.wait_until(lambda share=number: site.ended() > 60 * share)
        private(kind).kill()
        time.sleep(size(2, 5))
        private(kind).start()
    site.settle_down()
    site.complain_unless(len(site.living) == 2, "workers gone")


@fault("3 the connection cut for ten seconds", off=("patience",), engines=SERVERS)
def test_a_connection_that_is_cut_for_long_loses_nothing(site: Site) -> None:
    site.start_workers(2)
    _load(site, size(600, 10_000), UNHARMED)
    site.wait_until(lambda: site.ended() > 60)
    for cable in site.ground.cables.values():
        cable.cut()
    time.sleep(size(4, 10))
    for cable in site.ground.cables.values():
        cable.mend()
    site.settle_down()
    site.complain_unless(len(site.living) == 2, "workers gone")


@fault("3 Redis flushed", off=("sweeper",), engines=(REDIS_OVER_POSTGRESQL,))
def test_what_an_index_has_lost_it_is_told_again(site: Site) -> None:
    site.start_workers(2)
    _load(site, size(600, 10_000), UNHARMED)
    site.wait_until(lambda: site.ended() > 60)
    outlets.flush(private("redis").url)
    site.settle_down()


@fault("11 replies lost on the wire", off=("doubt", "second reading"), engines=SERVERS)
def test_what_a_server_did_and_nobody_heard_of_leaves_no_job_stuck_and_frees_none_that_runs(
    site: Site,
) -> None:
    site.start_workers(2)
    _load(site, size(600, 8000), UNHARMED)
    site.wait_until(lambda: site.ended() > 60)
    for cable in site.ground.cables.values():
        cable.lose_replies(every=13)
    site.wait_until(lambda: site.ended() > size(400, 7000), size(20, 200))
    for cable in site.ground.cables.values():
        cable.lose_replies(every=0)
    site.settle_down()
    site.complain_of(site.logs.count("what it produced here is dropped"), "called refused")


@fault(
    "1 a worker killed between take and claim",
    off=("take-lease",),
    engines=(REDIS_OVER_POSTGRESQL,),
)
def test_what_was_taken_by_a_worker_that_never_claimed_it_is_taken_again(site: Site) -> None:
    site.enqueue("nap", 6, 0.1, UNHARMED)
    unlucky = site.start_worker(FLOWRRA_TEST_MISHAP="killed between take and claim")
    site.wait_until(lambda: unlucky.process.poll() is not None)
    site.complain_unless(unlucky.process.poll() is not None, "not killed")
    site.was_killed(unlucky)
    site.start_worker()


@fault(
    "8 no connection left on the server",
    engines=(POSTGRESQL, MARIADB),
    why_none="a worker keeps the connections that it has",
)
def test_a_server_without_connections_is_told_of_and_survived(site: Site) -> None:
    _fill(site)


@fault(
    "8 no memory left on the server",
    engines=(REDIS,),
    why_none="what frees memory comes first in a script, and the rest of it then may use some",
)
def test_a_server_without_memory_is_told_of_and_survived(site: Site) -> None:
    _fill(site)


@fault("9 a worker's clock an hour off", off=("the ledger's clock",), engines=SERVERS)
def test_a_worker_whose_clock_is_wrong_goes_by_that_of_the_ledger(site: Site) -> None:
    site.start_workers(1)
    site.start_worker(FLOWRRA_TEST_MISHAP="own clock off")
    site.wait_until(lambda: site.web.workers() == 2)
    keys = site.enqueue("nap", 6, 5.0, UNHARMED) + site.enqueue("doze", 4, 5.0, UNHARMED)
    delayed = site.enqueue("nap", 1, 0.1, run_after=4)
    asked = time.time()
    site.wait_until(lambda: site.ended(delayed))
    runs = site.runs().get(delayed[0])
    site.complain_unless(runs and runs[0].started - asked > 3, "run too early")
    site.wait_until(lambda: site.ended(keys) == len(keys))


def _fill(site: Site) -> None:
    """Have the server full while jobs end, and enqueue in vain."""
    workers = site.start_workers(2)
    running = site.enqueue("nap", 8, 1.5, UNHARMED) + site.enqueue("doze", 8, 1.0, UNHARMED)
    site.wait_until(lambda: site.started(running) == len(running))
    (refused,) = site.keys(1)
    with outlets.full(site.engine, private(*site.engine.kinds).url):
        try:
            site.another_web().tell("enqueue_one", "nap", [refused, 0.1])
        except WebError as error:
            is_clear = any(word in str(error) for word in CLEAR)
            site.complain_unless(is_clear, "without a clear error")
        else:
            site.complain_unless(False, "taken by a full server")
        time.sleep(size(3, 10))
    later = site.enqueue("nap", 50, 0.01)
    site.wait_until(lambda: site.ended(later) == len(later))
    for worker in workers:
        site.complain_unless(worker.process.poll() is None, "workers gone")
    site.complain_unless(refused not in site.runs(), "half stored")


def _load(site: Site, jobs: int, want: Wanted | None = None) -> None:
    site.enqueue("nap", jobs * 2 // 3, 0.1, want)
    site.enqueue("doze", jobs // 3, 0.05, want)
