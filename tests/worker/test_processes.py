"""`runflowrra --processes`, `--max-jobs` and `--max-memory`, with real processes."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest
import redis
from django.core.management import CommandError, call_command

from flowrra_django import TaskStatus, runtime
from flowrra_django.models import TaskRecord, WorkerProcess as WorkerRow
from tests import servers
from tests.contracts.stores import need
from tests.support import until
from tests.testapp import tasks
from tests.worker.sites import DATABASES, STORES, site_in

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)

SLOW = 60.0  # several processes start, on a machine that is busy
QUICK_RESCUE = (
    '{"EXECUTOR": {"HEARTBEAT_INTERVAL": 0.5, "HEARTBEAT_TIMEOUT": 5, "RESCUE_INTERVAL": 0.5}}'
)


@pytest.fixture
def start(start_worker):
    """Start a supervisor; its workers are killed if it left any behind."""
    started = []

    def start(*options, **environment):
        worker = start_worker(*options, **environment)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.stop()
        with suppress(ProcessLookupError):
            worker.send_group(signal.SIGKILL)


def until_up(count):
    """Wait for so many workers, and return the process id of each by its id."""
    until(lambda: WorkerRow.objects.count() == count, SLOW)
    return dict(WorkerRow.objects.values_list("worker_id", "pid"))


def until_running(jobs):
    until(lambda: all(job.get().status is TaskStatus.RUNNING for job in jobs), SLOW)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def workers_of(jobs):
    return {job.get().worker for job in jobs}


@pytest.mark.parametrize("store", STORES)
def test_three_processes_run_each_job_once(start, settings, ledger_redis, tmp_path, store):
    notes = tmp_path / "notes"
    with site_in(store, settings) as environment:
        supervisor = start("--processes", "3", **environment)
        backend = runtime.get_stores().backend
        until(lambda: len(backend.beats()) == 3, SLOW)
        jobs = tasks.note_down.enqueue_many([(str(notes),)] * 300)
        results = [job.wait(timeout=SLOW) for job in jobs]
        supervisor.send(signal.SIGTERM)
        assert supervisor.wait(SLOW) == 0
    assert {(each.status, each.attempts) for each in results} == {(TaskStatus.SUCCESS, 1)}
    assert len({each.worker for each in results}) == 3
    assert sorted(notes.read_text().split()) == sorted(job.task_id for job in jobs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
@pytest.mark.parametrize("to_all", [False, True], ids=["to-the-supervisor", "to-the-group"])
def test_a_signal_lets_the_running_jobs_of_all_workers_finish(start, number, to_all):
    supervisor = start("--processes", "2", "--thread-workers", "1")
    pids = until_up(2).values()
    jobs = [tasks.doze.enqueue(2) for _ in range(2)]
    until_running(jobs)
    later = [tasks.doze.enqueue(0) for _ in range(2)]
    (supervisor.send_group if to_all else supervisor.send)(number)
    assert supervisor.wait(SLOW) == 0
    assert {job.get().status for job in jobs} == {TaskStatus.SUCCESS}
    assert {job.get().attempts for job in jobs} == {1}
    assert len(workers_of(jobs)) == 2
    assert {job.get().status for job in later} == {TaskStatus.PENDING}
    assert not WorkerRow.objects.exists()
    assert all(map(is_gone, pids))
    assert "Traceback" not in supervisor.output
    assert "All workers have ended." in supervisor.output


@pytest.mark.parametrize("to_all", [False, True], ids=["to-the-supervisor", "to-the-group"])
def test_a_second_signal_gives_jobs_back_at_no_cost(start, to_all):
    supervisor = start("--processes", "2", "--thread-workers", "1")
    until_up(2)
    jobs = [tasks.nap.enqueue(600), tasks.doze.enqueue(600), tasks.doze.enqueue(600)]
    until_running(jobs)
    send = supervisor.send_group if to_all else supervisor.send
    send(signal.SIGINT)
    until(lambda: supervisor.output.count("still run.") == 2)
    send(signal.SIGINT)
    assert supervisor.wait(SLOW) == 0
    assert {job.get().status for job in jobs} == {TaskStatus.PENDING}
    assert {(job.get().attempts, job.get().crashes) for job in jobs} == {(0, 0)}
    assert not WorkerRow.objects.exists()


def test_ctrl_c_while_the_workers_start_ends_them_without_a_word_of_python(start):
    supervisor = start("--processes", "2")
    until(lambda: "drains" in supervisor.output, SLOW)
    supervisor.send_group(signal.SIGINT)
    assert supervisor.wait(SLOW) == 0
    assert "Traceback" not in supervisor.output
    assert not WorkerRow.objects.exists()


def test_a_worker_that_is_killed_is_replaced_and_its_job_runs_again(start):
    supervisor = start(
        "--processes", "2", "--thread-workers", "1", FLOWRRA_TEST_SETTINGS=QUICK_RESCUE
    )
    before = until_up(2)
    jobs = [tasks.doze.enqueue(3) for _ in range(2)]
    until_running(jobs)
    victim = jobs[0].get().worker
    os.kill(before[victim], signal.SIGKILL)
    results = [job.wait(timeout=SLOW) for job in jobs]
    assert [(each.status, each.crashes) for each in results] == [
        (TaskStatus.SUCCESS, 1),
        (TaskStatus.SUCCESS, 0),
    ]
    until(lambda: WorkerRow.objects.exclude(worker_id=victim).count() == 2, SLOW)
    (kept,) = before.keys() - {victim}
    assert WorkerRow.objects.filter(worker_id=kept).exists()
    assert f"(pid {before[victim]}) was killed by signal 9 (SIGKILL)." in supervisor.output


def test_the_workers_of_a_killed_supervisor_notice_and_drain(start):
    supervisor = start("--processes", "2", "--thread-workers", "1")
    pids = until_up(2).values()
    jobs = [tasks.doze.enqueue(3) for _ in range(2)]
    until_running(jobs)
    later = tasks.add.enqueue(1, 2)
    later.wait(timeout=SLOW)
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: supervisor.output.count("The supervisor has gone.") == 2)
    late = tasks.add.enqueue(1, 2)
    until(lambda: all(map(is_gone, pids)), SLOW)
    assert {job.get().status for job in jobs} == {TaskStatus.SUCCESS}
    assert {job.get().attempts for job in jobs} == {1}
    assert late.get().status is TaskStatus.PENDING
    assert not WorkerRow.objects.exists()


def test_a_worker_that_is_drained_from_afar_ends_and_is_replaced(start):
    supervisor = start("--processes", "2", FLOWRRA_TEST_SETTINGS=QUICK_RESCUE)
    before = until_up(2)
    drained = next(iter(before))
    assert runtime.get_stores().backend.drain(drained)
    until(lambda: not WorkerRow.objects.filter(worker_id=drained).exists(), SLOW)
    assert len(until_up(2)) == 2
    supervisor.send(signal.SIGTERM)
    assert supervisor.wait(SLOW) == 0
    assert "has ended. Another takes its place." in supervisor.output


def test_a_burst_ends_when_no_process_finds_a_job(start):
    jobs = tasks.double.enqueue_many([(number,) for number in range(20)])
    retried = tasks.fail_again.enqueue("never")
    supervisor = start("--processes", "2", "--burst")
    assert supervisor.wait(SLOW) == 0
    assert [job.get().result for job in jobs] == [2 * number for number in range(20)]
    assert retried.get().attempts == 3
    assert not WorkerRow.objects.exists()


def test_wrong_settings_are_told_once_and_end_the_supervisor(start):
    supervisor = start("--processes", "2", FLOWRRA_TEST_SETTINGS='{"EXECUTOR": {"IO_WORKRES": 3}}')
    assert supervisor.wait(SLOW) == 2
    assert supervisor.output.count("IO_WORKRES") == 1


def test_what_only_the_first_worker_can_find_wrong_is_told_once_and_ends_all(start):
    need("redis")
    with servers.private("redis") as server:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        url = f'{{"BACKEND": "{server.url}"}}'
        supervisor = start("--processes", "3", FLOWRRA_TEST_SETTINGS=url)
        assert supervisor.wait(SLOW) == 2
    assert supervisor.output.count("CommandError") == 1
    assert supervisor.output.count("noeviction") == 1
    assert supervisor.output.count("] worker ") == 1
    assert "Traceback" not in supervisor.output


def test_reload_with_several_processes_is_refused_in_a_sentence(start):
    supervisor = start("--processes", "2", "--reload")
    assert supervisor.wait(SLOW) == 2
    assert supervisor.output.strip().endswith(
        "--reload goes with one process. Leave out --processes."
    )


@pytest.mark.parametrize("option", ["--processes", "--max-jobs", "--max-memory"])
def test_a_number_below_one_is_refused(start, option):
    worker = start(option, "0")
    assert worker.wait(SLOW) == 2
    assert f"argument {option}: 0 is less than 1" in worker.output


def test_other_code_cannot_ask_for_several_processes():
    with pytest.raises(CommandError, match="on the command line only"):
        call_command("runflowrra", processes=2)


# A worker that has done its share


def test_a_worker_ends_well_when_its_jobs_are_up_and_says_why(start):
    jobs = [tasks.double.enqueue(number) for number in range(12)]
    worker = start("--max-jobs", "4", "--thread-workers", "1")
    assert worker.wait(SLOW) == 0
    done = [job for job in jobs if job.get().status is TaskStatus.SUCCESS]
    assert 4 <= len(done) < 12
    assert TaskRecord.objects.filter(status=TaskStatus.PENDING).count() == 12 - len(done)
    assert "Stopped, since it has begun as many jobs as it may (--max-jobs 4)." in worker.output
    assert not WorkerRow.objects.exists()


def test_a_worker_whose_jobs_are_up_lets_the_last_one_finish_however_long_it_takes(start):
    jobs = [tasks.doze.enqueue(3), tasks.add.enqueue(1, 2)]
    worker = start("--max-jobs", "2", FLOWRRA_TEST_SETTINGS='{"EXECUTOR": {"STOP_TIMEOUT": 0.1}}')
    assert worker.wait(SLOW) == 0
    assert {(job.get().status, job.get().attempts) for job in jobs} == {(TaskStatus.SUCCESS, 1)}


def test_a_signal_hurries_a_worker_whose_jobs_are_up(start):
    job = tasks.nap.enqueue(600)
    settings = '{"EXECUTOR": {"STOP_TIMEOUT": 0.1}}'
    worker = start("--max-jobs", "1", FLOWRRA_TEST_SETTINGS=settings)
    until(lambda: "takes no more jobs" in worker.output, SLOW)
    worker.send(signal.SIGTERM)
    assert worker.wait(SLOW) == 0
    assert (job.get().status, job.get().attempts) == (TaskStatus.PENDING, 0)


def test_workers_whose_jobs_are_up_are_replaced_until_all_is_done(start):
    jobs = [tasks.double.enqueue(number) for number in range(12)]
    supervisor = start("--processes", "2", "--max-jobs", "3", "--thread-workers", "1")
    assert [job.wait(timeout=SLOW).result for job in jobs] == [2 * number for number in range(12)]
    assert {job.get().attempts for job in jobs} == {1}
    assert len(workers_of(jobs)) >= 3
    supervisor.send(signal.SIGTERM)
    assert supervisor.wait(SLOW) == 0
    assert "Another takes its place in" not in supervisor.output  # nobody has failed


def test_a_burst_of_workers_whose_jobs_are_up_still_does_all(start):
    jobs = [tasks.double.enqueue(number) for number in range(12)]
    supervisor = start("--processes", "1", "--max-jobs", "5", "--thread-workers", "1", "--burst")
    assert supervisor.wait(SLOW) == 0
    assert {job.get().status for job in jobs} == {TaskStatus.SUCCESS}


def test_a_worker_that_takes_too_much_memory_ends_well_and_says_why(start):
    worker = start("--max-memory", "1")
    until_up(1)
    job = tasks.add.enqueue(1, 2)
    assert worker.wait(SLOW) == 0
    assert job.get().is_success
    assert "MB of memory (--max-memory 1)" in worker.output


def test_a_worker_within_its_memory_stays(start):
    worker = start("--max-memory", "100000", "--max-jobs", "100000")
    assert tasks.add.enqueue(1, 2).wait(timeout=SLOW).result == 3
    with pytest.raises(Exception, match="timed out"):
        worker.wait(2)
