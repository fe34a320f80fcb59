"""Jobs that run in one process and are cancelled from another."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest
from django.core.management import call_command

from flowrra_django import TaskStatus
from tests.support import until
from tests.testapp import tasks
from tests.worker.sites import DATABASES, STORES, site_in

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)

PERIODS = {"RESCUE_INTERVAL": 0.2}
ONE_OF_EACH = ("--io-workers", "1", "--thread-workers", "1", "--cpu-workers", "1")
SOON = 3.0  # of a second, on a machine that is busy


@pytest.fixture(params=STORES)
def site(request, settings, ledger_redis):
    with site_in(request.param, settings, **PERIODS) as environment:
        yield environment


def is_running(job):
    return job.get().status is TaskStatus.RUNNING


def test_running_jobs_of_two_workers_are_stopped_from_a_third_process(site, start_worker):
    jobs = [tasks.nap.enqueue(60), tasks.obey.enqueue(), tasks.grind.enqueue(60)]
    jobs += [tasks.nap.enqueue(60), tasks.obey.enqueue(), tasks.grind.enqueue(60)]
    workers = [start_worker(*ONE_OF_EACH, **site) for _ in range(2)]
    until(lambda: all(map(is_running, jobs)))
    until(lambda: all(job.get().log for job in jobs[2::3]))  # their children have started
    assert len({job.get().worker for job in jobs}) == 2
    asked = time.monotonic()
    assert all(job.cancel(by="ada") for job in jobs)
    results = [job.wait(timeout=20) for job in jobs]
    assert time.monotonic() - asked < SOON
    assert {result.status for result in results} == {TaskStatus.CANCELLED}
    assert {(result.cancelled_by, result.was_stopped) for result in results} == {("ada", True)}
    assert [result.result for result in results[:3]] == [None, "obeyed", None]
    after = [tasks.add.enqueue(1, 2), tasks.double.enqueue(4), tasks.square.enqueue(5)]
    assert [job.wait(timeout=20).result for job in after] == [3, 8, 25]
    assert not any("Traceback" in worker.output for worker in workers)


def test_a_cancelled_job_runs_again_when_it_is_retried(site, start_worker):
    job = tasks.nap.enqueue(2)
    start_worker(**site)
    until(partial(is_running, job))
    call_command("flowrra", "cancel", job.task_id)
    assert job.wait(timeout=20).cancelled_by == "command"
    call_command("flowrra", "retry", job.task_id)
    result = job.wait(timeout=20)
    assert (result.status, result.cancelled_by, result.was_stopped) == ("success", None, None)


def test_a_job_whose_worker_was_killed_is_cancelled_instead_of_run_again(site, start_worker):
    job = tasks.doze.enqueue(60)
    first = start_worker(**site)
    until(partial(is_running, job))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert job.cancel()
    start_worker(**site)
    result = job.wait(timeout=20)
    assert (result.status, result.crashes, result.was_stopped) == ("cancelled", 1, None)


def test_a_job_that_its_worker_gives_back_is_cancelled(site, start_worker):
    job = tasks.doze.enqueue(60)
    worker = start_worker(**site)
    until(partial(is_running, job))
    assert job.cancel()
    worker.send(signal.SIGTERM)
    until(lambda: "Draining" in worker.output)
    worker.send(signal.SIGTERM)
    worker.wait()
    result = job.get()
    assert (result.status, result.was_stopped) == ("cancelled", None)
