"""Workers that went away, or seemed to: their jobs are freed, and their late writes refused."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from django.db import transaction

from flowrra_django import TaskStatus
from flowrra_django.models import TaskRecord, WorkerProcess as WorkerRow
from tests.support import until
from tests.testapp import django_tasks, tasks

pytestmark = pytest.mark.django_db(transaction=True)

QUICK = json.dumps(
    {"EXECUTOR": {"HEARTBEAT_INTERVAL": 0.2, "HEARTBEAT_TIMEOUT": 1, "RESCUE_INTERVAL": 0.2}}
)
STALLING = json.dumps({"EXECUTOR": {"STALL_TIMEOUT": 1.5}})


def running_on(handle):
    result = handle.get()
    return result.worker if result.status is TaskStatus.RUNNING else None


def killed(start_worker, handle):
    """Start a worker, and kill it once it runs the job."""
    before = handle.get().worker
    worker = start_worker()
    until(lambda: running_on(handle) not in {None, before})
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()


def test_a_neighbour_on_the_same_host_rescues_at_once(start_worker):
    handle = tasks.doze.enqueue(4)
    first = start_worker()
    lost = until(lambda: running_on(handle))
    start_worker(FLOWRRA_TEST_SETTINGS='{"EXECUTOR": {"RESCUE_INTERVAL": 0.2}}')
    until(lambda: WorkerRow.objects.count() == 2)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    until(lambda: running_on(handle) not in {None, lost}, seconds=10)  # not 30 s
    result = handle.get()
    assert (result.attempts, result.crashes) == (2, 1)


def test_a_stopped_worker_is_rescued_and_goes_on_as_another(start_worker):
    handle = tasks.nap.enqueue(4)
    first = start_worker(FLOWRRA_TEST_SETTINGS=QUICK)
    lost = until(lambda: running_on(handle))
    start_worker(FLOWRRA_TEST_SETTINGS=QUICK)
    until(lambda: WorkerRow.objects.count() == 2)
    first.send(signal.SIGSTOP)
    try:
        other = until(lambda: running_on(handle) not in {None, lost} and running_on(handle))
    finally:
        first.send(signal.SIGCONT)
    result = handle.wait(timeout=30)
    assert (result.status, result.worker) == (TaskStatus.SUCCESS, other)
    assert (result.attempts, result.crashes) == (2, 1)
    until(lambda: f"Worker {lost} was given up for dead" in first.output)
    until(lambda: handle.task_id in first.output)
    assert "Traceback" not in first.output
    until(lambda: WorkerRow.objects.exclude(pk=lost).filter(pid=first.pid).exists())
    later = [tasks.nap.enqueue(0.2) for _ in range(150)]  # more than the other one has room for
    workers = {each.wait(timeout=30).worker for each in later}
    assert WorkerRow.objects.get(pid=first.pid).pk in workers


def test_a_job_that_takes_its_workers_down_fails_in_the_end_and_says_why(start_worker):
    handle = django_tasks.doze_crashing.enqueue(60)
    killed(start_worker, handle)
    killed(start_worker, handle)
    start_worker("--burst").wait()
    result = handle.get()
    assert (result.status, result.attempts, result.crashes) == (TaskStatus.FAILED, 2, 2)
    assert result.error_type.endswith("WorkerLostError")
    assert "went away while it ran this job" in result.error


def test_a_job_that_may_run_once_only_fails_with_its_worker(start_worker):
    handle = django_tasks.doze_once.enqueue(60)
    killed(start_worker, handle)
    start_worker("--burst").wait()
    result = handle.get()
    assert (result.status, result.attempts) == (TaskStatus.FAILED, 1)
    assert result.error_type.endswith("WorkerLostError")


def test_a_worker_whose_event_loop_is_blocked_ends_itself_and_its_jobs_are_rescued(start_worker):
    bystander = tasks.doze.enqueue(0.1 + 60)
    worker = start_worker(FLOWRRA_TEST_SETTINGS=STALLING)
    until(lambda: running_on(bystander))
    blocker = django_tasks.block_the_loop.enqueue(60)
    assert worker.wait() == 70
    assert "The event loop has been silent for 1.5 s" in worker.output
    assert "in block_the_loop" in worker.output
    other = start_worker()
    until(lambda: bystander.get().crashes == 1 and running_on(bystander))
    until(lambda: blocker.get().status is TaskStatus.FAILED)
    other.send_group(signal.SIGKILL)


@pytest.mark.parametrize("part", ["flowrra-outbox", "flowrra-take", "flowrra-Rescue.look"])
def test_a_worker_of_which_a_part_has_ended_ends_itself_and_says_so(start_worker, part):
    worker = start_worker()
    until(WorkerRow.objects.exists)
    handle = django_tasks.cancel_part_of_the_worker.enqueue(part)
    assert worker.wait() == 1
    assert f"{part} has ended by itself" in worker.output
    result = handle.get()
    assert (result.status, result.attempts) == (TaskStatus.SUCCESS, 1)
    assert not WorkerRow.objects.exists()


def test_a_write_lock_held_past_the_heartbeat_limit_costs_nobody_anything(start_worker):
    workers = [start_worker(FLOWRRA_TEST_SETTINGS=QUICK) for _ in range(2)]
    until(lambda: WorkerRow.objects.count() == 2)
    handles = [task.enqueue(2.5) for task in (tasks.nap, tasks.doze)]
    until(lambda: all(running_on(handle) for handle in handles))
    before = set(WorkerRow.objects.values_list("pk", flat=True))
    hold_the_write_lock(3)
    results = [handle.wait(timeout=10) for handle in handles]
    assert {result.status for result in results} == {TaskStatus.SUCCESS}
    assert {(result.attempts, result.crashes) for result in results} == {(1, 0)}
    time.sleep(1)  # two rescue looks more
    assert set(WorkerRow.objects.values_list("pk", flat=True)) == before
    assert all(worker.process.poll() is None for worker in workers)
    assert not any("given up" in w.output or "is gone" in w.output for w in workers)


def hold_the_write_lock(seconds: float) -> None:
    with transaction.atomic():
        TaskRecord.objects.filter(task_id="").update(status="failed")
        time.sleep(seconds)
