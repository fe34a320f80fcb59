"""Workers that are killed, frozen, told to stop, or brought down by what they run."""

from __future__ import annotations

import random
import time

from tests.support import WorkerProcess

from .checker import Wanted
from .scenario import fault
from .site import LEASE_SECONDS, RESCUED_SECONDS, Site, size

FAILED = Wanted(status=("failed",), error_type="WorkerLostError")
LOST = Wanted(status=("failed",), error_type="WorkerLostError", most_starts=2)
AT_NO_COST = Wanted(most_attempts=1)
LONG_SECONDS = 60.0  # than which nothing here waits longer


@fault("1 workers killed with SIGKILL", off=("rescue",), promise=1, is_essential=True)
def test_jobs_of_workers_killed_at_random_moments_run_again(site: Site) -> None:
    jobs, kills = size((2000, 10), (20_000, 50))
    site.start_workers(3)
    keys = site.enqueue("nap", jobs * 6 // 10, 0.04)
    keys += site.enqueue("doze", jobs * 3 // 10, 0.02)
    keys += site.enqueue("grind", jobs // 10, 0.005)
    for number in range(1, kills + 1):
        share = number * jobs // (kills + 2)
        if not site.wait_until(lambda share=share: site.ended() >= share):
            return
        time.sleep(random.uniform(0, 0.3))
        site.kill(random.choice(site.living))
        site.start_worker()


@fault("2 a worker frozen past its heartbeat", off=("fence",), promise=4, is_essential=True)
def test_a_worker_that_was_frozen_for_too_long_changes_nothing_any_more(site: Site) -> None:
    (frozen,) = site.start_workers(1)
    keys = site.enqueue("nap", 4, 1.0) + site.enqueue("doze", 4, 1.0)
    site.wait_until(lambda: site.started(keys) == len(keys))
    thaw = site.freeze(frozen)
    site.start_worker()
    site.wait_until(lambda: site.ended(keys) == len(keys), LEASE_SECONDS * 6)
    site.settle_down()
    site.note()
    thaw()
    site.wait_until(lambda: not site.going_on())
    site.wait_until(lambda: "was given up for dead" in frozen.output)
    site.complain_unless("was given up for dead" in frozen.output, "silent about it")
    for other in site.living:
        if other is not frozen:
            other.stop()
    more = site.enqueue("nap", 20, 0.01)  # which nobody but the one that was frozen can run
    site.wait_until(lambda: site.ended(more) == len(more))


@fault("4 SIGTERM every few seconds", off=("release",), promise=5, is_essential=True)
def test_workers_told_to_stop_give_back_what_they_cannot_finish_at_no_cost(site: Site) -> None:
    jobs, seconds = size((400, 5), (6000, 60))
    hurried = {"STOP_TIMEOUT": 0.3}
    site.start_workers(2, **hurried)
    site.enqueue("nap", jobs // 2, 0.1, AT_NO_COST)
    site.enqueue("doze", jobs // 2, 0.05, AT_NO_COST)
    site.enqueue("nap", 30, 1.5, AT_NO_COST)  # longer than there is time to let them end
    site.enqueue("grind", 6, 0.8, AT_NO_COST)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        leaving = site.living[0]
        leaving.stop()
        site.start_worker(settings=hurried)
        time.sleep(random.uniform(0.5, 1.5))


@fault("5 jobs that kill their worker", off=("crash limit",), promise=1, is_essential=True)
def test_jobs_that_take_their_worker_down_are_given_up_and_harm_no_others(site: Site) -> None:
    workers = site.start_workers(2)
    deadly = ("kill_worker", "kill_worker_from_child", "exit_worker")
    for task in deadly:
        site.enqueue(task, 1, want=LOST)
    site.enqueue("nap", size(100, 2000), 0.05)
    site.enqueue("doze", size(50, 1000), 0.05)
    _restart(site, workers, size(20, 90))


@fault("5 jobs that kill the fork server", off=("crash limit",))
def test_jobs_that_kill_the_fork_server_are_given_up_too(site: Site) -> None:
    site.enqueue("kill_fork_server", 2, want=FAILED)
    site.enqueue("grind", size(20, 500), 0.01)
    site.enqueue("nap", size(100, 2000), 0.05)
    site.start_workers(1)


@fault("6 an event loop blocked past the heartbeat", off=("heartbeat",), promise=6)
def test_a_worker_with_a_blocked_event_loop_keeps_its_jobs(site: Site) -> None:
    (first,) = site.start_workers(1)
    keys = site.enqueue("doze_at_gate", 4)
    site.wait_until(lambda: site.started(keys) == len(keys))
    keys += site.enqueue("block_at_gate", 1)
    site.wait_until(lambda: site.started(keys) == len(keys))
    site.start_workers(1)
    site.enqueue("nap", 50, 0.01)
    time.sleep(1.5 * RESCUED_SECONDS)  # in which the other gives up who does not beat
    site.open_gate()
    site.wait_until(lambda: site.ended(keys) == len(keys))
    site.complain_unless(first.process.poll() is None, "workers gone")


@fault("6 an event loop blocked past STALL_TIMEOUT", off=("watchdog",))
def test_a_worker_with_a_stalled_event_loop_shows_where_and_ends(site: Site) -> None:
    once = Wanted(status=("failed",), error_type="WorkerLostError", most_starts=1)
    (first,) = site.start_workers(1, STALL_TIMEOUT=LEASE_SECONDS)
    keys = site.enqueue("doze", 4, 2 * LEASE_SECONDS)
    site.wait_until(lambda: site.started(keys) == len(keys))
    site.enqueue("block_once", 1, 60.0, want=once)
    site.wait_until(lambda: first.process.poll() is not None, 4 * LEASE_SECONDS)
    if first.process.poll() is not None:
        site.was_killed(first)
    site.complain_unless("in block_once" in first.output, "without its stacks")
    site.start_workers(1)
    site.enqueue("nap", 50, 0.01)


@fault("jobs that take longer than they may", off=("time limit",), promise=7)
def test_the_code_of_a_job_that_takes_longer_than_it_may_is_stopped(site: Site) -> None:
    late = Wanted(status=("failed",), error_type="JobTimeoutError", most_starts=1)
    site.start_workers(1)
    keys = site.enqueue("nap_briefly", 6, 3.0, late) + site.enqueue("grind_briefly", 2, 3.0, late)
    site.enqueue("nap", 50, 0.01)
    site.enqueue("grind", 5, 0.01)
    site.settle_down()
    time.sleep(3)  # in which what was not stopped would come to its end
    site.complain_of(site.ended(keys), "not stopped")


@fault("jobs cancelled and timed out while workers are killed", off=("stopper",), promise=7)
def test_cancels_and_time_limits_hold_while_workers_are_killed(site: Site) -> None:
    jobs, kills = size((400, 5), (6000, 30))
    site.start_workers(3)
    late = Wanted(status=("failed",), error_type="JobTimeoutError")
    unwanted = Wanted(status=("cancelled",))
    site.enqueue("nap", jobs * 3 // 4, 0.04)
    site.enqueue("doze", jobs // 4, 0.02)
    endless: list[int] = []
    for _ in range(kills):
        site.enqueue("nap_briefly", 2, LONG_SECONDS, late)
        more = site.enqueue("nap", 3, LONG_SECONDS, unwanted)
        more += site.enqueue("grind", 1, LONG_SECONDS, unwanted)
        endless += more
        site.wait_until(lambda more=more: site.started(more) == len(more))
        site.cancel(more[:2])
        killed = random.choice(site.living)
        site.kill(killed)
        site.start_worker()
        site.cancel(more)  # some of them for the second time, and some that wait for their rescue
    site.settle_down()
    site.complain_of(site.ended(endless), "not stopped")


def _restart(site: Site, workers: list[WorkerProcess], seconds: float) -> None:
    """Start another for each of the workers that ends, until all jobs have ended."""
    deadline = time.monotonic() + site.patience(seconds)
    while time.monotonic() < deadline and site.web.unsettled(list(site.ids.values())):
        for gone in [worker for worker in workers if worker.process.poll() is not None]:
            site.was_killed(gone)
            workers.remove(gone)
            workers.append(site.start_worker())
        time.sleep(0.1)
