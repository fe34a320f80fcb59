"""A store that is locked, full, or answers what nobody hears."""

from __future__ import annotations

import resource
import time

from .checker import Wanted
from .client import Web, WebError
from .engines import SQLITE
from .scenario import fault
from .site import Site, size

HURRIED = {"FLOWRRA_TEST_LOCK_SECONDS": "0.5"}
TOO_SMALL = 4096  # bytes: less than one page of the database's log needs, and more than the journal
PATIENT = Wanted(most_starts=1, most_attempts=1)


@fault("3 the database locked for long", off=("patience", "own beat first"), engines=(SQLITE,))
def test_a_lock_held_for_longer_than_the_heartbeat_limit_costs_no_job_anything(site: Site) -> None:
    for _ in range(3):
        site.start_worker(**HURRIED)
    site.wait_until(lambda: site.web.workers() == 3)
    lockers = [site.another_web() for _ in range(2)]  # before the jobs: to start takes a while
    site.enqueue("nap", size(400, 4000), 0.2, PATIENT)
    site.enqueue("doze", size(200, 2000), 0.1, PATIENT)
    # Twice, for whoever comes first afterwards may be one of the good.
    for locker, ended in zip(lockers, (50, 250), strict=True):
        site.wait_until(lambda ended=ended: site.ended() > ended)
        lock_all(site, locker, size(6, 10))


def lock_all(site: Site, locker: Web, seconds: float) -> None:
    """Lock the database for so long after what ran has ended, and so cannot be written."""
    locker.tell("begin")
    locker.tell("write", "UPDATE flowrra_django_taskrecord SET queue = queue WHERE id = %s", [[0]])
    site.wait_until(lambda: not site.going_on())
    time.sleep(seconds)
    locker.tell("commit")


@fault("8 the disk full", off=("patience",), engines=(SQLITE,))
def test_a_full_disk_is_told_of_at_enqueue_and_survived_without_a_restart(site: Site) -> None:
    workers = site.start_workers(2)
    running = site.enqueue("nap", 8, 1.5, PATIENT) + site.enqueue("doze", 8, 1.0, PATIENT)
    site.wait_until(lambda: site.started(running) == len(running))
    processes = [site.web.process.pid, *(worker.pid for worker in workers)]
    for pid in processes:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (TOO_SMALL, resource.RLIM_INFINITY))
    refused = site.keys(10)
    try:
        site.web.tell("enqueue", "nap", [[key, "x" * 10_000] for key in refused], {})
    except WebError as error:
        site.complain_unless("disk" in str(error), "without a clear error")
    else:
        site.complain_unless(False, "taken by a full disk")
    time.sleep(size(3, 10))
    for pid in processes:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    later = site.enqueue("nap", 50, 0.01)
    site.wait_until(lambda: site.ended(later) == len(later))
    for worker in workers:
        site.complain_unless(worker.process.poll() is None, "workers gone")
    runs = site.runs()
    site.complain_unless(not any(key in runs for key in refused), "half stored")


@fault("11 replies lost after the commit", off=("doubt", "second reading"), engines=(SQLITE,))
def test_a_write_whose_reply_got_lost_leaves_no_job_stuck_and_frees_none_that_runs(
    site: Site,
) -> None:
    unlucky = {"FLOWRRA_TEST_MISHAP": "lost replies"}
    for _ in range(2):
        site.start_worker(settings={"STOP_TIMEOUT": 0.3}, **unlucky)
    site.wait_until(lambda: site.web.workers() == 2)
    site.enqueue("nap", size(400, 8000), 0.05, PATIENT)
    site.enqueue("doze", size(200, 4000), 0.02, PATIENT)
    site.wait_until(lambda: site.ended() > 100)
    site.enqueue("nap", 16, 2.0, Wanted(most_attempts=1))
    time.sleep(0.5)
    site.living[0].stop()  # whose releases get lost too
    site.start_worker(**unlucky)
    site.settle_down()
    site.complain_of(site.logs.count("what it produced here is dropped"), "called refused")
