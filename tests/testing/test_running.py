from __future__ import annotations

import asyncio
import gc
import os
import threading
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.utils import timezone

from flowrra_django import FlowrraError, runtime
from flowrra_django.testing import enqueued_jobs, run_jobs
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need
from tests.support import until
from tests.testing import tasks

HOUR = timedelta(hours=1)


@pytest.mark.usefixtures("ledger")
def test_jobs_of_every_kind_run_here_in_order():
    jobs = [task.enqueue(word) for word, task in enumerate((tasks.note, tasks.note_async))]
    jobs += [tasks.note_cpu.enqueue("cpu"), tasks.note_first.enqueue("first")]
    results = run_jobs()
    assert tasks.calls == ["first", 0, 1, "cpu"]
    assert [result.task_id for result in results] == [jobs[i].task_id for i in (3, 0, 1, 2)]
    assert all(
        result.is_success and result == runtime.get_stores().result(result.task_id)
        for result in results
    )
    assert tuple(jobs[0].get().result) == (os.getpid(), threading.get_ident())
    assert jobs[2].get().result == os.getpid()


@pytest.mark.usefixtures("ledger")
def test_what_jobs_enqueue_runs_too():
    tasks.parent.enqueue(["a", "b"])
    tasks.async_parent.enqueue(["c"])
    assert len(run_jobs()) == 5
    assert tasks.calls == ["parent", "parent", "a", "b", "c"]
    assert enqueued_jobs() == []


@pytest.mark.usefixtures("ledger")
def test_a_failing_job_is_retried_at_once_and_recorded_as_a_worker_would():
    good, bad = tasks.flaky.enqueue("good", 3), tasks.flaky.enqueue("bad", 0)
    results = run_jobs()
    assert [result.task_id for result in results] == [good.task_id, bad.task_id]
    assert tasks.calls.count("good") == tasks.calls.count("bad") == 3
    assert (good.get().status, good.get().retries, good.get().result) == ("success", 2, "good")
    assert (bad.get().status, bad.get().failures, bad.get().attempts) == ("failed", 3, 3)
    assert (bad.get().error, bad.get().error_type) == ("bad failed", "builtins.ValueError")
    assert 'raise ValueError(f"{word} failed")' in bad.get().traceback


@pytest.mark.usefixtures("ledger")
def test_a_coroutine_that_takes_too_long_is_stopped():
    tasks.sleep_too_long.enqueue()
    (result,) = run_jobs()
    assert result.status == "failed"
    assert result.error_type == "flowrra_django.exceptions.JobTimeoutError"


@pytest.mark.usefixtures("ledger")
def test_errors_can_be_raised_once_they_are_recorded():
    job, other = tasks.flaky.enqueue("bad", 0), tasks.note.enqueue("other")
    with pytest.raises(ValueError, match="bad failed"):
        run_jobs(raise_errors=True)
    assert (job.get().status, job.get().attempts) == ("failed", 3)
    assert other.get().status == "pending"


@pytest.mark.usefixtures("ledger")
def test_one_pass_leaves_what_comes_of_it():
    tasks.parent.enqueue(["child"])
    retried = tasks.flaky.enqueue("bad", 0)
    assert [r.status for r in run_jobs(until_empty=False)] == ["success", "retrying"]
    assert retried.get().attempts == 1
    assert [job.task_name.rpartition(".")[2] for job in enqueued_jobs()] == ["flaky", "note"]


@pytest.mark.usefixtures("ledger")
def test_an_error_that_is_raised_in_a_pass_gives_the_other_jobs_back():
    tasks.leave_the_program.enqueue()
    other = tasks.note.enqueue("other")
    with pytest.raises(SystemExit):
        run_jobs(until_empty=False, raise_errors=True)
    assert (other.get().status, other.get().attempts) == ("pending", 0)
    run_jobs()
    assert other.get().is_success


@pytest.mark.usefixtures("ledger")
def test_a_limit_counts_runs():
    job = tasks.flaky.enqueue("bad", 0)
    assert [result.status for result in run_jobs(limit=1)] == ["retrying"]
    assert [result.status for result in run_jobs(limit=2)] == ["failed"]
    tasks.note.enqueue("a")
    assert run_jobs(limit=0) == []
    assert job.get().attempts == 3
    tasks.note.enqueue("b")
    assert len(run_jobs(limit=1, until_empty=False)) == 1
    assert tasks.calls[-1] == "a"


@pytest.mark.usefixtures("ledger")
def test_one_queue_can_be_run_alone():
    tasks.note.enqueue("default")
    tasks.note_mail.enqueue("mail")
    run_jobs("mail")
    assert tasks.calls == ["mail"]
    assert run_jobs("unheard of") == []


@pytest.mark.usefixtures("ledger")
def test_scheduled_jobs_wait_unless_they_are_asked_for():
    later = tasks.note.using(run_after=2 * HOUR).enqueue("later")
    tasks.note.using(run_after=timezone.now() + HOUR).enqueue("sooner")
    tasks.note.enqueue("now")
    run_jobs()
    assert tasks.calls == ["now"]
    assert later.get().status == "pending"
    run_jobs(scheduled=True)
    assert tasks.calls == ["now", "sooner", "later"]
    assert (later.get().status, later.get().attempts) == ("success", 1)


@pytest.mark.django_db
def test_scheduled_jobs_run_over_an_index_in_redis_though_the_test_commits_nothing(
    settings, request
):
    need("redis")
    request.getfixturevalue("ledger_redis")
    config = redis_config()
    broker = {"URL": config.url, "NAMESPACE": config.namespace}
    settings.FLOWRRA = {"BROKER": broker, "BACKEND": "django://default"}
    tasks.note.using(run_after=HOUR).enqueue("later")
    tasks.note.enqueue("now")
    run_jobs(scheduled=True)
    assert tasks.calls == ["now", "later"]
    runtime.get_stores().close()


@pytest.mark.usefixtures("ledger")
def test_a_pass_can_have_scheduled_jobs_in_it():
    tasks.endless.using(run_after=HOUR).enqueue(HOUR)
    tasks.note.enqueue("now")
    assert len(run_jobs(until_empty=False, scheduled=True)) == 2
    assert len(enqueued_jobs(tasks.endless)) == 1
    assert len(run_jobs(limit=3, scheduled=True)) == 3


@pytest.mark.parametrize("scheduled", [False, True])
def test_a_task_that_enqueues_itself_for_ever_is_stopped(ledger, scheduled, monkeypatch):
    monkeypatch.setattr("flowrra_django.testing.running.RUNAWAY", 20)
    tasks.endless.enqueue(HOUR if scheduled else None)
    with pytest.raises(FlowrraError, match=r"20 runs, and no end\. .* give it a limit"):
        run_jobs(scheduled=scheduled)
    assert len(tasks.calls) == 20
    assert [job.status for job in enqueued_jobs()] == ["pending"]


def test_as_many_runs_as_the_limit_are_no_runaway(db, monkeypatch):
    monkeypatch.setattr("flowrra_django.testing.running.RUNAWAY", 3)
    tasks.note.enqueue_many([(1,), (2,), (3,)])
    assert len(run_jobs()) == 3


@pytest.mark.usefixtures("ledger")
def test_ctrl_c_in_a_job_reaches_the_test():
    tasks.press_ctrl_c.enqueue()
    other = tasks.note.enqueue("other")
    with pytest.raises(KeyboardInterrupt):
        run_jobs()
    assert other.get().status == "pending"


@pytest.mark.usefixtures("ledger")
def test_leaving_the_program_is_the_jobs_own_failure():
    job = tasks.leave_the_program.enqueue()
    run_jobs()
    assert (job.get().status, job.get().error_type) == ("failed", "builtins.SystemExit")


@pytest.mark.usefixtures("ledger")
def test_a_job_of_an_unknown_task_waits(caplog):
    definition = tasks.note.definition
    job = tasks.note.enqueue("a")
    runtime.registry.unregister(definition.name)
    try:
        assert [result.status for result in run_jobs()] == ["pending"]
    finally:
        runtime.registry.add(definition)
    assert job.get().attempts == 0
    assert "No task named 'tests.testing.tasks.note' here" in caplog.text


def test_arguments_and_results_go_through_the_ledgers_codec(db):
    group = Group.objects.create(name="old")
    job = tasks.group_name.enqueue(group)
    Group.objects.update(name="new")
    run_jobs()
    assert job.get().result == "new"
    with pytest.raises(TypeError, match=r"args\[0\]"):
        tasks.note.enqueue(object())


@pytest.mark.usefixtures("ledger")
def test_a_running_event_loop_is_refused_with_the_way_out():
    async def misled():
        run_jobs()

    with pytest.raises(FlowrraError, match=r"sync_to_async\(run_jobs\)\(\)"):
        asyncio.run(misled())


async def test_from_async_code_jobs_run_on_the_thread_that_has_the_connection(transactional_db):
    job = await tasks.make_group_async.aenqueue("a")
    await sync_to_async(run_jobs)()
    assert (await job.aget()).result == 1


def test_nothing_is_left_behind(db):
    before = set(threading.enumerate())
    tasks.make_group_async.enqueue("a")
    run_jobs()
    gc.collect()
    until(lambda: before.issuperset(threading.enumerate()))
    assert runtime.get_stores().backend.beats() == []
    assert not runtime.get_stores().broker.has_subscribers


@pytest.mark.usefixtures("ledger")
def test_an_index_that_learns_of_a_job_after_its_end_hides_no_other(
    django_capture_on_commit_callbacks,
):
    with django_capture_on_commit_callbacks(execute=True):
        tasks.note.enqueue_many([("a",), ("b",)])
        run_jobs()
    tasks.note.enqueue("c")
    run_jobs()
    assert tasks.calls == ["a", "b", "c"]


@pytest.mark.usefixtures("ledger")
def test_while_jobs_run_a_worker_is_enlisted_that_says_it_is_a_tests():
    job = tasks.working.enqueue()
    run_jobs()
    assert job.get().result == [[job.get().worker, "testing"]]


def test_ends_are_logged_as_in_production(db, caplog):
    caplog.set_level("INFO", "flowrra_django.jobs")
    job = tasks.note.enqueue("a")
    run_jobs()
    (record,) = [r for r in caplog.records if r.name == "flowrra_django.jobs"]
    assert (record.task_name, record.task_id) == ("tests.testing.tasks.note", job.task_id)
