"""Every ledger: what those are told who watch it. `BaseBackend`, the part about briefs."""

from datetime import UTC, datetime

from flowrra_django.reports import Progress, Report, progress_fields
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    claim_new,
    enlist,
    new_job,
    record,
    success,
)


def test_a_brief_tells_how_a_job_stands_and_nothing_of_its_arguments(backend):
    task_id = record(backend, "secret", queue="mail")
    brief = backend.briefs([task_id])[task_id]
    assert (brief.task_id, brief.status, brief.queue) == (task_id, TaskStatus.PENDING, "mail")
    assert (brief.task_name, brief.claim, brief.progress) == ("tests.add", 0, None)
    assert "secret" not in repr(brief)


def test_of_a_job_that_is_not_there_there_is_no_brief(backend):
    task_id = record(backend)
    assert backend.briefs([task_id, "unknown"]).keys() == {task_id}
    assert backend.briefs([]) == {}


def test_a_brief_changes_with_each_step_of_a_job(backend):
    enlist(backend, "w")
    job = claim_new(backend, "w")
    running = backend.briefs([job.task_id])[job.task_id]
    assert (running.status, running.claim) == (TaskStatus.RUNNING, 1)
    backend.settle("w", [success(job)])
    assert backend.briefs([job.task_id])[job.task_id].status is TaskStatus.SUCCESS
    backend.retry([job.task_id])
    again = backend.briefs([job.task_id])[job.task_id]
    assert (again.status, again.claim) == (TaskStatus.PENDING, 1)


def test_a_brief_tells_how_far_a_job_says_it_is(backend):
    job = claim_new(backend, "w")
    told = Progress(done=3, total=None, message="çà", at=datetime.now(UTC))
    backend.report("w", [Report(job=job, progress=told)])
    brief = backend.briefs([job.task_id])[job.task_id]
    assert brief.progress == progress_fields(told)
    assert backend.recent(10) == [brief]


def test_recent_are_those_that_came_that_run_and_that_ended_last(backend):
    enlist(backend, "w")
    old, ended = claim_new(backend, "w"), claim_new(backend, "w")
    backend.settle("w", [success(old)])
    backend.settle("w", [success(ended)])
    running = claim_new(backend, "w")
    jobs = [new_job(backend) for _ in range(10)]
    backend.record(jobs)
    recent = {brief.task_id: brief.status for brief in backend.recent(1)}
    assert recent == {
        ended.task_id: TaskStatus.SUCCESS,
        running.task_id: TaskStatus.RUNNING,
        jobs[-1].task_id: TaskStatus.PENDING,
    }


def test_each_recent_job_is_told_of_once(backend):
    enlist(backend, "w")
    job = claim_new(backend, "w")
    backend.settle("w", [success(job)])
    assert [brief.task_id for brief in backend.recent(100)] == [job.task_id]


def test_nothing_is_recent_in_an_empty_ledger(backend):
    assert backend.recent(100) == []
