"""The site's own signals, from real workers and in tests."""

import json
import signal
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from flowrra_django import signals
from flowrra_django.models import TaskRecord
from flowrra_django.testing import run_jobs
from tests.support import until
from tests.testapp import django_tasks, tasks

SIGNALS = {
    "enqueued": signals.task_enqueued,
    "started": signals.task_started,
    "finished": signals.task_finished,
}


@contextmanager
def receivers(receiver, *names, sender=None):
    for name in names or SIGNALS:
        SIGNALS[name].connect(receiver, sender=sender)
    try:
        yield
    finally:
        for name in names or SIGNALS:
            SIGNALS[name].disconnect(receiver, sender=sender)


class Notes:
    """A receiver that notes what it gets."""

    def __init__(self):
        self.seen = []

    def __call__(self, signal, sender, task_result, **kwargs):
        (name,) = (name for name, known in SIGNALS.items() if known is signal)
        self.seen.append((name, sender, task_result))

    @property
    def names(self):
        return [name for name, *_ in self.seen]


# In the process that enqueues


@pytest.mark.django_db(transaction=True)
def test_a_job_is_told_of_as_enqueued_after_the_commit():
    notes = Notes()
    with receivers(notes, "enqueued"):
        with transaction.atomic():
            job = tasks.double.enqueue(4)
            assert notes.seen == []
        ((_, sender, result),) = notes.seen
        assert sender is tasks.double
        assert (result.task_id, result.status, result.args) == (job.task_id, "pending", (4,))
        assert abs((result.submitted_at - job.get().submitted_at).total_seconds()) < 1
        tasks.double.enqueue(5)
        assert len(notes.seen) == 2


@pytest.mark.django_db(transaction=True)
def test_a_job_that_was_rolled_back_is_not_told_of():
    notes = Notes()

    def fail_after_all():
        with transaction.atomic():
            tasks.double.enqueue(4)
            raise ValueError("after all")

    with receivers(notes, "enqueued"), pytest.raises(ValueError, match="after all"):
        fail_after_all()
    assert notes.seen == []


@pytest.mark.django_db(transaction=True)
def test_each_of_many_is_told_of():
    notes = Notes()
    with receivers(notes, "enqueued"):
        jobs = tasks.double.enqueue_many([(1,), (2,), (3,)])
    assert [result.task_id for *_, result in notes.seen] == [job.task_id for job in jobs]


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_raises_does_not_keep_a_job_from_being_enqueued(caplog):
    def deaf(sender, **kwargs):
        raise RuntimeError("deaf")

    with receivers(deaf, "enqueued"):
        job = tasks.double.enqueue(4)
    assert job.get().status == "pending"
    assert "deaf" in caplog.text


@pytest.mark.django_db(transaction=True)
async def test_a_job_that_async_code_enqueued_is_told_of_off_the_loop():
    notes = Notes()

    def count(sender, **kwargs):  # the ORM raises on a thread that runs a loop
        Group.objects.count()
        notes(sender=sender, **kwargs)

    with receivers(count, "enqueued"):
        await tasks.double.aenqueue(4)
    assert notes.names == ["enqueued"]


@pytest.mark.django_db(transaction=True)
def test_a_receiver_may_ask_for_one_task():
    notes = Notes()
    with receivers(notes, sender=tasks.double):
        tasks.double.enqueue(1)
        tasks.noop_thread.enqueue()
        tasks.double.using(priority=3).enqueue(2)
        run_jobs()
    assert notes.names == ["enqueued", "enqueued"] + ["started", "finished"] * 2
    assert {sender for _, sender, _ in notes.seen} == {tasks.double}


@pytest.mark.django_db
def test_the_jobs_of_a_test_are_told_of_within_its_transaction():
    def write(sender, task_result, **kwargs):
        Group.objects.create(name=f"{task_result.status} {task_result.task_id}")

    with receivers(write, "started", "finished"):
        job = tasks.fail.enqueue("no luck")
        run_jobs()
    names = set(Group.objects.values_list("name", flat=True))
    assert names == {f"running {job.task_id}", f"failed {job.task_id}"}


# In a worker


@pytest.fixture
def notes(tmp_path):
    """Return a function that reads what receivers in other processes have noted."""
    path = tmp_path / "notes"
    path.touch()

    def read(**wanted):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [line for line in lines if all(line[k] == v for k, v in wanted.items())]

    read.environment = {"FLOWRRA_TEST_NOTES": str(path)}
    return read


@pytest.mark.parametrize("name", ["add", "double", "square"])
def test_a_worker_tells_of_a_job_of_any_kind(start_worker, notes, name):
    task = getattr(tasks, name)
    job = task.enqueue(*([3, 4] if name == "add" else [3]))
    worker = start_worker("--burst", FLOWRRA_TEST_RECEIVERS="note", **notes.environment)
    assert worker.wait() == 0, worker.output
    started, finished = notes(task_id=job.task_id)
    assert (started["signal"], started["status"]) == ("started", "running")
    assert (finished["signal"], finished["status"]) == ("finished", "success")
    assert finished["result"] == job.get().result
    for told in (started, finished):
        assert (told["is_on_a_loop"], told["groups"], told["error"]) == (False, 0, "")
        assert (told["sender"], told["pid"]) == (task.name, worker.pid)


@pytest.mark.parametrize("name", ["fail_io", "fail_thread", "fail_cpu", "lose_child"])
def test_a_job_that_fails_is_told_of_with_its_traceback(start_worker, notes, name):
    job = getattr(tasks, name).enqueue("no luck")
    worker = start_worker("--burst", FLOWRRA_TEST_RECEIVERS="note", **notes.environment)
    assert worker.wait() == 0, worker.output
    (finished,) = notes(task_id=job.task_id, signal="finished")
    assert finished["status"] == "failed"
    assert job.get().traceback.rstrip().splitlines()[-1] in finished["error"]
    if name != "lose_child":
        assert "in say_no" in finished["error"]
        assert "ValueError: no luck" in finished["error"]


def test_a_job_that_is_retried_is_told_of_once_as_finished(start_worker, notes):
    job = tasks.fail_again.enqueue("no luck")
    worker = start_worker("--burst", FLOWRRA_TEST_RECEIVERS="note", **notes.environment)
    assert worker.wait() == 0, worker.output
    told = [(line["signal"], line["attempts"]) for line in notes(task_id=job.task_id)]
    assert told == [("started", 1), ("started", 2), ("started", 3), ("finished", 3)]


@pytest.mark.parametrize("receivers", ["raise,note", "exit,note"])
def test_receivers_that_raise_change_nothing(start_worker, notes, receivers):
    jobs = tasks.double.enqueue_many([(n,) for n in range(20)])
    worker = start_worker("--burst", FLOWRRA_TEST_RECEIVERS=receivers, **notes.environment)
    assert worker.wait() == 0, worker.output
    assert {job.get().status.value for job in jobs} == {"success"}
    if receivers == "raise,note":
        assert len(notes(signal="finished")) == 20


def test_a_receiver_that_hangs_holds_up_neither_jobs_nor_the_end(start_worker, notes):
    jobs = tasks.add.enqueue_many([(n, n) for n in range(50)])
    worker = start_worker(FLOWRRA_TEST_RECEIVERS="hang", **notes.environment)
    until(lambda: TaskRecord.objects.filter(status="success").count() == len(jobs))
    worker.send(signal.SIGTERM)
    assert worker.wait(20) == 0, worker.output
    assert "does not end" in worker.output


def test_a_worker_that_is_killed_tells_of_no_job_twice(start_worker, notes):
    jobs = tasks.noop_thread.enqueue_many([()] * 300)
    first = start_worker(FLOWRRA_TEST_RECEIVERS="note", **notes.environment)
    until(lambda: notes(signal="finished"))
    first.send_group(signal.SIGKILL)
    first.wait()
    second = start_worker("--burst", FLOWRRA_TEST_RECEIVERS="note", **notes.environment)
    until(lambda: TaskRecord.objects.filter(status="success").count() == len(jobs))
    second.wait(40)
    ended = [line["task_id"] for line in notes(signal="finished")]
    assert len(ended) == len(set(ended)) <= len(jobs)


def test_a_job_that_fails_since_its_worker_was_lost_is_told_of_by_who_rescues_it(
    start_worker, notes
):
    job = django_tasks.doze_once.enqueue(60)
    lost = start_worker()
    until(lambda: job.get().status == "running")
    lost.send_group(signal.SIGKILL)
    lost.wait()
    rescuer = start_worker(FLOWRRA_TEST_RECEIVERS="note", **notes.environment)
    (told,) = until(lambda: notes(task_id=job.task_id))
    assert (told["signal"], told["status"], told["pid"]) == ("finished", "failed", rescuer.pid)
    assert "WorkerLostError" in told["error"]
