"""Queues that are paused: nothing of them starts, whoever works."""

import time

import pytest

from flowrra_django import TaskStatus, pause_queue, paused_queues, resume_queue
from flowrra_django.models import WorkerProcess
from tests.support import until
from tests.testapp.tasks import add, nap

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = "night shift"
WITHIN = 2  # seconds that a worker may take to notice


@pytest.fixture
def two_workers(start_worker):
    workers = [start_worker() for _ in range(2)]
    until(lambda: WorkerProcess.objects.count() == 2)
    return workers


def status_of(job):
    return job.get().status


def test_no_worker_starts_a_job_of_a_paused_queue_and_what_runs_ends(two_workers):
    running = nap.using(queue=QUEUE).enqueue(WITHIN + 1)
    until(lambda: status_of(running) is TaskStatus.RUNNING)
    pause_queue(QUEUE)
    time.sleep(WITHIN)
    jobs = [add.using(queue=QUEUE).enqueue(1, 2) for _ in range(20)]
    others = [add.enqueue(1, 2) for _ in range(20)]
    for job in others:
        job.wait(timeout=20)
    assert running.wait(timeout=20).is_success
    assert {status_of(job) for job in jobs} == {TaskStatus.PENDING}
    resume_queue(QUEUE)
    assert {job.wait(timeout=20).status for job in jobs} == {TaskStatus.SUCCESS}


@pytest.mark.parametrize("options", [(), ("--queue", QUEUE, "--queue", "default")])
def test_a_worker_that_starts_later_takes_nothing_of_it_either(start_worker, options):
    pause_queue(QUEUE)
    job, other = add.using(queue=QUEUE).enqueue(1, 2), add.enqueue(1, 2)
    start_worker("--burst", *options).wait()
    assert (status_of(job), status_of(other)) == (TaskStatus.PENDING, TaskStatus.SUCCESS)


def test_a_worker_all_of_whose_queues_are_paused_waits_for_one_to_go_on(start_worker):
    pause_queue("default")
    start_worker("--queue", "default")
    job = add.enqueue(1, 2)
    until(lambda: WorkerProcess.objects.count() == 1)
    resume_queue("default")
    assert job.wait(timeout=20).is_success


def test_what_is_paused_can_be_asked():
    pause_queue(QUEUE)
    assert paused_queues() == {QUEUE}
    resume_queue(QUEUE)
    assert paused_queues() == set()
