"""The whole house, from `enqueue` to the admin's table, through a real `runflowrra`."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from flowrra_django import FlowrraError, TaskStatus, runtime
from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.engine.wiring import PRIVATE_QUEUE
from flowrra_django.models import TaskRecord, WorkerProcess as WorkerRow
from tests.support import until
from tests.testapp import tasks

pytestmark = pytest.mark.django_db(transaction=True)


def statuses() -> set[str]:
    return set(TaskRecord.objects.values_list("status", flat=True))


def running(count: int) -> bool:
    return TaskRecord.objects.filter(status="running").count() == count


def until_begun(count: int) -> None:
    """Wait until the code of so many jobs has begun.

    That they are claimed is recorded earlier; but who has run a later job has begun the one before.
    """
    until(lambda: running(count))
    later = [tasks.add.enqueue(1, 2), tasks.double.enqueue(4), tasks.square.enqueue(5)]
    until(lambda: all(handle.get().is_success for handle in later))


def test_each_kind_of_code_runs_and_leaves_its_result(start_worker):
    handles = [tasks.add.enqueue(1, 2), tasks.double.enqueue(4), tasks.square.enqueue(5)]
    start_worker("--burst").wait()
    assert [handle.get().result for handle in handles] == [3, 8, 25]
    assert {handle.get().status for handle in handles} == {TaskStatus.SUCCESS}


def test_a_failed_job_tells_what_went_wrong(start_worker):
    handle = tasks.fail.enqueue("not today")
    start_worker("--burst").wait()
    result = handle.get()
    assert result.status is TaskStatus.FAILED
    assert (result.error, result.error_type) == ("not today", "builtins.ValueError")
    assert "raise ValueError(message)" in result.traceback
    assert (result.attempts, result.retries) == (1, 0)


def test_a_burst_goes_on_until_retries_are_used_up(start_worker):
    handle = tasks.fail_again.enqueue("never")
    start_worker("--burst").wait()
    result = handle.get()
    assert (result.status, result.attempts, result.retries) == (TaskStatus.FAILED, 3, 2)


def test_an_idle_worker_picks_up_a_job_enqueued_later(start_worker):
    start_worker()
    until(WorkerRow.objects.exists)
    assert tasks.add.enqueue(20, 22).wait(timeout=10).result == 42


def test_a_job_of_a_transaction_that_rolls_back_never_was(start_worker):
    with transaction.atomic():
        tasks.add.enqueue(1, 1)
        transaction.set_rollback(True)
    assert not TaskRecord.objects.exists()


def test_a_job_is_run_only_after_its_transaction_commits(start_worker):
    start_worker()
    until(WorkerRow.objects.exists)
    with transaction.atomic():
        handle = tasks.add.enqueue(1, 1)
        time.sleep(0.3)
        assert handle.get().status is TaskStatus.PENDING
    assert handle.wait(timeout=10).result == 2


def test_waiting_inside_a_transaction_raises_at_once():
    with transaction.atomic():
        handle = tasks.add.enqueue(1, 1)
        with pytest.raises(FlowrraError, match="after the atomic block"):
            handle.wait(timeout=60)


def test_the_jobs_of_a_killed_worker_run_again_on_another(start_worker):
    done = tasks.add.enqueue(1, 1)
    first = start_worker()
    until(lambda: done.get().is_complete)  # before the others begin, which do not wait for us
    naps = [task.enqueue(2) for task in (tasks.nap, tasks.doze, tasks.grind)]
    until(lambda: running(3))
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    start_worker("--burst").wait()
    results = [handle.get() for handle in naps]
    assert {result.status for result in results} == {TaskStatus.SUCCESS}
    assert {(result.attempts, result.crashes) for result in results} == {(2, 1)}
    assert done.get().attempts == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_to_the_group_lets_running_jobs_finish(start_worker, number):
    handles = [task.enqueue(2) for task in (tasks.nap, tasks.doze, tasks.grind)]
    later = tasks.nap.using(run_after=timedelta(hours=1)).enqueue(0)
    worker = start_worker()
    until_begun(3)
    worker.send_group(number)
    assert worker.wait() == 0
    assert {handle.get().status for handle in handles} == {TaskStatus.SUCCESS}
    assert {handle.get().attempts for handle in handles} == {1}
    assert later.get().status is TaskStatus.PENDING
    assert not WorkerRow.objects.exists()
    assert "Traceback" not in worker.output


def test_a_second_signal_gives_jobs_back_at_no_cost(start_worker):
    handles = [task.enqueue(60) for task in (tasks.nap, tasks.doze, tasks.grind)]
    worker = start_worker()
    until(lambda: running(3))
    worker.send(signal.SIGTERM)
    until(lambda: "Draining" in worker.output)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    results = [handle.get() for handle in handles]
    assert {result.status for result in results} == {TaskStatus.PENDING}
    assert {(result.attempts, result.crashes) for result in results} == {(0, 0)}


def test_what_does_not_end_in_its_grace_time_is_given_back_at_no_cost(start_worker):
    soon = tasks.nap.enqueue(2)
    late = [task.enqueue(60) for task in (tasks.nap, tasks.doze, tasks.grind)]
    worker = start_worker(FLOWRRA_TEST_SETTINGS='{"EXECUTOR": {"STOP_TIMEOUT": 3}}')
    until_begun(4)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert soon.get().is_success
    results = [handle.get() for handle in late]
    assert {result.status for result in results} == {TaskStatus.PENDING}
    assert {(result.attempts, result.crashes) for result in results} == {(0, 0)}
    assert "Giving back 3 jobs that have not ended." in worker.output


def test_a_worker_tells_of_the_threads_that_go_on_with_jobs_that_were_given_up(start_worker):
    settings = '{"EXECUTOR": {"HEARTBEAT_INTERVAL": 0.2, "HEARTBEAT_TIMEOUT": 10}}'
    start_worker(FLOWRRA_TEST_SETTINGS=settings)
    late = tasks.doze.using(timeout=0.2, max_retries=0).enqueue(4)
    until(lambda: WorkerRow.objects.filter(abandoned=1).exists())
    assert late.get().status is TaskStatus.FAILED
    until(lambda: WorkerRow.objects.filter(abandoned=0).exists())


def test_a_worker_serves_only_the_queues_it_is_told(start_worker):
    mail = tasks.add.using(queue="mail").enqueue(1, 1)
    other = tasks.add.enqueue(2, 2)
    start_worker("--queue", "mail", "--burst").wait()
    assert mail.get().is_success
    assert other.get().status is TaskStatus.PENDING


def test_a_worker_told_no_queue_serves_those_nobody_declared(start_worker):
    handle = tasks.add.using(queue="made up on the spot").enqueue(1, 1)
    start_worker("--burst").wait()
    assert handle.get().is_success


def test_a_worker_told_no_queue_leaves_an_executors_private_one_alone(start_worker):
    runtime.get_stores().backend.enlist(WorkerInfo(worker_id="1"))
    private = tasks.add.using(queue=f"{PRIVATE_QUEUE}1").enqueue(1, 1)
    public = tasks.add.using(queue="zebra").enqueue(1, 1)
    start_worker("--burst").wait()
    assert public.get().is_success
    assert private.get().status is TaskStatus.PENDING


def test_it_says_what_it_serves_and_writes_a_line_for_each_job(start_worker):
    handle = tasks.add.enqueue(1, 2)
    worker = start_worker("--burst", "--io-workers", "7", "--cpu-workers", "1")
    worker.wait()
    assert "7 coroutines" in worker.output
    assert "1 processes" in worker.output
    lines = [line for line in worker.output.splitlines() if handle.task_id in line]
    assert len(lines) == 1
    assert "tests.testapp.tasks.add" in lines[0]
    assert "succeeded" in lines[0]


def test_an_empty_database_is_met_with_advice(start_worker):
    with connection.schema_editor() as editor:
        editor.alter_db_table(WorkerRow, WorkerRow._meta.db_table, "hidden")
    try:
        worker = start_worker()
        assert worker.wait() == 2
        assert "manage.py migrate" in worker.output
        assert "Traceback" not in worker.output
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(WorkerRow, "hidden", WorkerRow._meta.db_table)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="The trigger is in SQLite's words.")
def test_a_burst_whose_claims_always_fail_ends_with_the_error(start_worker):
    handle = tasks.add.enqueue(1, 2)
    table = TaskRecord._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE UPDATE ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'no job is claimed today'); END"
        )
    try:
        worker = start_worker("--burst")
        assert worker.wait() == 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER refuse")
    assert "IntegrityError: no job is claimed today" in worker.output.splitlines()[-1]
    assert handle.get().status is TaskStatus.PENDING
    assert not WorkerRow.objects.exists()


def test_a_settings_error_stops_the_worker_before_it_claims(start_worker):
    handle = tasks.add.enqueue(1, 2)
    worker = start_worker("--burst", FLOWRRA_TEST_SETTINGS='{"EXECUTOR": {"IO_WORKRES": 3}}')
    assert worker.wait() == 2
    assert "IO_WORKERS" in worker.output
    assert handle.get().status is TaskStatus.PENDING


def test_a_worker_that_is_asked_to_end_takes_no_more_and_finishes_what_it_runs(start_worker):
    runtime.get_stores()
    handle = tasks.doze.enqueue(1)
    worker = start_worker(FLOWRRA_TEST_SETTINGS='{"EXECUTOR": {"HEARTBEAT_INTERVAL": 0.2}}')
    until(lambda: running(1))
    assert runtime.get_stores().backend.drain(WorkerRow.objects.get().worker_id)
    assert worker.wait() == 0
    assert handle.get().status is TaskStatus.SUCCESS
    assert not WorkerRow.objects.exists()


def test_a_first_signal_to_a_worker_that_was_asked_to_end_does_not_hurry_it(start_worker):
    handle = tasks.doze.enqueue(2)
    worker = start_worker(FLOWRRA_TEST_SETTINGS='{"EXECUTOR": {"HEARTBEAT_INTERVAL": 0.2}}')
    until(lambda: running(1))
    runtime.get_stores().backend.drain(WorkerRow.objects.get().worker_id)
    until(lambda: "asked to take no more jobs" in worker.output)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert handle.get().status is TaskStatus.SUCCESS
    assert handle.get().attempts == 1
