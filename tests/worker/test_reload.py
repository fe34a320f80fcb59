"""`runflowrra --reload` and `--database`."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from flowrra_django import TaskStatus
from flowrra_django.models import WorkerProcess as WorkerRow
from tests.support import until
from tests.testapp import tasks

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_change_of_the_code_starts_a_new_worker_and_costs_no_job_an_attempt(start_worker):
    handle = tasks.nap.enqueue(60)
    worker = start_worker("--reload")
    until(lambda: handle.get().status is TaskStatus.RUNNING)
    first = handle.get().worker

    def is_run_by_another() -> bool:
        Path(tasks.__file__).touch()  # again: the reloader may not have looked at it yet
        return handle.get().worker not in {first, None}

    until(is_run_by_another)
    result = handle.get()
    assert (result.status, result.attempts, result.crashes) == (TaskStatus.RUNNING, 1, 0)
    assert worker.output.count("Ready.") >= 2
    worker.send_group(signal.SIGKILL)


def test_a_database_that_is_not_configured_is_refused(start_worker):
    worker = start_worker("--database", "nowhere")
    assert worker.wait() == 2
    assert "invalid choice" in worker.output


def test_the_jobs_of_the_named_database_are_run(start_worker):
    handle = tasks.add.enqueue(1, 2)
    start_worker("--database", "default", "--burst").wait()
    assert handle.get().result == 3
    assert not WorkerRow.objects.exists()
