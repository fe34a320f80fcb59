"""Transactions and web processes that end well, badly, late, or not at all."""

from __future__ import annotations

import signal
import time

from .checker import Wanted
from .engines import LEDGERS_IN_DATABASES
from .scenario import fault
from .site import Site, size


@fault(
    "10 web processes killed or paused after their commit",
    off=("sweeper",),
    promise=1,
    engines=LEDGERS_IN_DATABASES,
    why_none="the record that was committed is the entry in the queue",
)
def test_a_job_whose_web_process_went_no_further_than_the_commit_runs_once(site: Site) -> None:
    site.start_workers(2)
    for number in (signal.SIGKILL, signal.SIGSTOP):
        web = site.another_web()
        web.tell("die_instead_of_pushing", int(number))
        web.tell("begin")
        keys = site.keys(5)
        site.expect(keys, [web.tell("enqueue_one", "nap", [key, 0.1]) for key in keys])
        web.say("commit")
    site.wait_until(lambda: site.ended() == 10, size(10, 70))


@fault(
    "10 a transaction that stays open, then its commit",
    off=("patience with a lock",),
    why_none="nobody waits for a lock where one transaction does not lock out all others",
)
def test_a_transaction_that_is_open_for_long_costs_no_job_anything(site: Site) -> None:
    once = Wanted(most_starts=1, most_attempts=1)
    workers = [site.start_worker(FLOWRRA_TEST_LOCK_SECONDS="0.5") for _ in range(2)]
    slow = site.another_web()  # which takes a while, and what runs then may not have ended first
    running = site.enqueue("nap", 8, 1.0, once) + site.enqueue("doze", 4, 1.0, once)
    site.wait_until(lambda: site.started(running) == len(running))
    slow.tell("begin")
    (key,) = site.keys(1)
    site.expect([key], [slow.tell("enqueue_one", "nap", [key, 0.1])], once)
    site.wait_until(lambda: site.ended(running) == len(running))
    time.sleep(size(6, 40))  # in which what they have produced cannot be written
    slow.tell("commit")
    slow.send(signal.SIGKILL)
    site.enqueue("nap", 100, 0.01, once)
    site.wait_until(lambda: site.ended([key]))
    for worker in workers:
        site.complain_unless(worker.process.poll() is None, "workers gone")


@fault("a transaction that rolls back", off=("transaction",), promise=2)
def test_a_transaction_that_rolls_back_leaves_nothing(site: Site) -> None:
    site.start_workers(1)
    undoing = site.another_web()
    undoing.tell("begin")
    undone = site.keys(5)
    ids = [undoing.tell("enqueue_one", "nap", [key, 0.01]) for key in undone]
    undoing.tell("roll_back")
    killed = site.another_web()
    killed.tell("begin")
    undone += (more := site.keys(5))
    ids += [killed.tell("enqueue_one", "nap", [key, 0.01]) for key in more]
    killed.send(signal.SIGKILL)
    later = site.enqueue("nap", 50, 0.01)
    site.wait_until(lambda: site.ended(later) == len(later))
    runs = site.runs()
    for key in undone:
        site.complain_unless(key not in runs, "run that never were")
    site.complain_unless(not site.web.states(ids), "kept that never were")


@fault("workers killed while jobs run that may run once", off=("at most once", "claim"), promise=3)
def test_a_job_that_may_run_once_only_never_starts_again(site: Site) -> None:
    once = Wanted(status=("success", "failed"), error_type="WorkerLostError", most_starts=1)
    site.start_workers(2)
    site.enqueue("nap_once", size(80, 800), 0.3, once)
    site.enqueue("doze_once", size(40, 400), 0.3, once)
    for _ in range(size(3, 20)):
        time.sleep(0.7)
        site.kill(site.living[0])
        site.start_worker()
