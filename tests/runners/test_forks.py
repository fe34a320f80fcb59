"""What a job's code forks ends where it comes out of that code, whatever the kind of code."""

from __future__ import annotations

import pytest

from flowrra_django.engine.presence import describe_process
from tests.support import until
from tests.testapp import django_tasks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "name", ["fork_io", "fork_io_and_wait", "fork_io_within", "fork_thread", "fork_cpu"]
)
def test_a_fork_that_a_job_makes_runs_no_other_job_and_ends(start_worker, tmp_path, name):
    notes = tmp_path / "notes"
    handle = getattr(django_tasks, name).using(priority=-1).enqueue()
    others = [django_tasks.note_process.enqueue(str(notes)) for _ in range(20)]
    worker = start_worker("--burst")
    assert worker.wait() == 0
    result = handle.get()
    assert (result.is_success, result.attempts, result.crashes) == (True, 1, 0)
    until(lambda: not describe_process(result.result))
    assert notes.read_text().split() == [str(worker.pid)] * 20
    assert {(other.get().attempts, other.get().crashes) for other in others} == {(1, 0)}
