"""Every ledger: what people look at."""

from dataclasses import replace
from datetime import timedelta

from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    claim_new,
    enlist,
    failure,
    record,
    record_many,
    result_of,
    success,
)

SHORT = (
    "task_id", "status", "task_name", "submitted_at", "started_at", "finished_at", "retries",
    "queue", "priority", "run_after", "attempts", "failures", "crashes", "worker", "error_type",
)  # fmt: skip


def short(result):
    return {name: getattr(result, name) for name in SHORT}


def test_a_summary_is_the_job_without_what_may_be_long(backend):
    enlist(backend, "w")
    jobs = [
        claim_new(backend, "w", queue="mail", priority=3, meta='{"a":1}'),
        claim_new(backend, "w", run_after=timedelta(0)),
    ]
    backend.settle("w", [success(jobs[0]), failure(jobs[1])])
    ids = [*(job.task_id for job in jobs), record(backend, "args", kind=jobs[0].kind)]
    summaries = backend.summaries([*ids, "unknown"])
    assert set(summaries) == set(ids)
    for task_id, summary in summaries.items():
        result = result_of(backend, task_id)
        assert short(summary) == short(result)
        assert summary == replace(
            result, result=None, error=None, traceback=None, args=(), kwargs={}, history=(), meta={}
        )


def test_what_runs_is_told_up_to_a_limit(backend):
    enlist(backend, "v", "w")
    running = {claim_new(backend, worker).task_id for worker in ("v", "w", "w")}
    ended = claim_new(backend, "w")
    backend.settle("w", [success(ended)])
    record_many(backend, 2)
    assert set(backend.running(10)) == running
    assert len(backend.running(2)) == 2


def test_the_latest_are_those_that_ended_last(backend, clock):
    enlist(backend, "w")
    ids = []
    for _ in range(4):
        job = claim_new(backend, "w")
        backend.settle("w", [success(job)])
        ids.insert(0, job.task_id)
        clock.advance(1)
    record_many(backend, 2)
    claim_new(backend, "w")
    assert backend.latest(10) == ids
    assert backend.latest(2) == ids[:2]
    backend.retry(ids[:1])
    assert backend.latest(10) == ids[1:]
    assert backend.summaries(ids[1:2])[ids[1]].status is TaskStatus.SUCCESS


def test_an_empty_ledger_has_nothing_to_look_at(backend):
    assert (backend.running(5), backend.latest(5), backend.summaries([])) == ([], [], {})


# Since when jobs wait


def test_a_queue_waits_since_the_first_of_its_jobs_might_have_run(backend):
    first = record(backend, queue="mail")
    record(backend, queue="mail", run_after=timedelta(hours=1))
    late = record(backend, queue="late", run_after=timedelta(hours=1))
    ago = record(backend, queue="ago", run_after=timedelta(hours=-1))
    record(backend, queue="ago")
    enlist(backend, "w")
    claim_new(backend, "w", queue="runs")
    since = backend.waiting_since(["mail", "late", "ago", "runs", "void"], 10)
    assert since == {
        "mail": result_of(backend, first).submitted_at,
        "late": result_of(backend, late).run_after,
        "ago": result_of(backend, ago).run_after,
    }
    assert backend.waiting_since([], 10) == {}
