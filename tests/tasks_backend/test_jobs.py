"""Jobs of Django's tasks: recorded, run by real workers, and seen from everywhere."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from flowrra_django import AlreadyEnqueued, JobHandle, flowrra_task, runtime
from flowrra_django.models import TaskRecord
from flowrra_django.testing import contract_tasks, run_jobs
from tests.settings import HAS_PACKAGE, HAS_TASKS
from tests.support import until
from tests.tasks_backend.api import (
    DoesNotExist,
    InvalidTask,
    Mismatch,
    Status,
    api,
    signals,
    task,
    task_backends,
)
from tests.testapp import builtin_tasks, tasks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes"
    path.touch()

    def read(**wanted):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [line for line in lines if all(line[k] == v for k, v in wanted.items())]

    read.environment = {
        "FLOWRRA_TEST_NOTES": str(path),
        "FLOWRRA_TEST_DJANGO_SIGNALS": signals.__name__,
    }
    return read


def work(start_worker, *options, **environment):
    worker = start_worker("--burst", *options, **environment)
    assert worker.wait(40) == 0, worker.output
    return worker


# Running


def test_each_kind_of_code_is_run_in_its_executor(start_worker):
    ran = [
        contract_tasks.add.enqueue(1, second=2),
        contract_tasks.add_in_coroutine.enqueue(1, second=2),
        builtin_tasks.pid.enqueue(),
        contract_tasks.add.using(cpu_bound=True).enqueue(1, second=2),
    ]
    worker = work(start_worker)
    for result in ran:
        result.refresh()
    assert [result.return_value for result in ran if result is not ran[2]] == [3, 3, 3]
    assert ran[2].return_value not in {worker.pid, os.getpid()}
    kinds = list(TaskRecord.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["thread", "io", "cpu", "cpu"]


def test_a_context_reaches_a_child_process(start_worker):
    result = builtin_tasks.context_in_child.enqueue("x")
    work(start_worker)
    result.refresh()
    assert result.return_value == [result.id, 1, result.worker_ids, "x"]


def test_a_job_that_is_retried_tells_of_every_attempt(start_worker):
    result = builtin_tasks.fail_twice.enqueue()
    work(start_worker)
    result.refresh()
    assert result.status == Status.SUCCESSFUL
    assert (result.attempts, len(result.worker_ids), len(result.errors)) == (3, 3, 2)
    assert {error.exception_class for error in result.errors} == {LookupError}
    for number, error in enumerate(result.errors, 1):
        assert error.traceback.endswith(f"LookupError: attempt {number}\n")
    errors_seen, started = result.return_value
    assert errors_seen == 2
    assert datetime.fromisoformat(started) == result.started_at
    assert result.enqueued_at < result.started_at < result.last_attempted_at < result.finished_at


def test_options_of_using_go_with_the_job_alone(start_worker):
    often = builtin_tasks.fail_in_coroutine.using(max_retries=3, retry_delay=0.01).enqueue()
    once = builtin_tasks.fail_in_coroutine.enqueue()
    work(start_worker)
    often.refresh()
    once.refresh()
    assert (often.attempts, once.attempts) == (4, 1)
    assert builtin_tasks.fail_in_coroutine.get_result(often.id).task.max_retries == 3
    assert builtin_tasks.fail_in_coroutine.get_result(once.id).task.max_retries == 0


def test_a_keyboard_interrupt_fails_the_job_and_leaves_the_worker(start_worker):
    result, other = builtin_tasks.interrupt.enqueue(), contract_tasks.add.enqueue(1)
    work(start_worker)
    result.refresh()
    other.refresh()
    assert (result.status, other.status) == (Status.FAILED, Status.SUCCESSFUL)
    assert result.errors[0].exception_class is KeyboardInterrupt


def test_ctrl_c_stops_a_worker_whatever_its_tasks_do(start_worker, tmp_path):
    gate = tmp_path / "gate"
    result = builtin_tasks.hold.enqueue(str(gate))
    worker = start_worker()
    until(lambda: TaskRecord.objects.get(task_id=result.id).status == "running")
    worker.send(signal.SIGINT)
    gate.touch()
    assert worker.wait() == 0
    result.refresh()
    assert result.status == Status.SUCCESSFUL


def test_a_higher_priority_runs_first(start_worker, tmp_path):
    notes = tmp_path / "order"
    for priority in (-100, 0, 100, 1):
        builtin_tasks.note.using(priority=priority).enqueue(str(notes), priority)
    assert set(TaskRecord.objects.values_list("priority", flat=True)) == {100, 0, -100, -1}
    work(start_worker, "--thread-workers", "1")
    assert notes.read_text().split() == ["100", "1", "0", "-100"]


def test_a_timedelta_is_counted_from_the_time_of_enqueueing():
    result = contract_tasks.add.using(run_after=timedelta(hours=1)).enqueue(1)
    found = contract_tasks.add.get_result(result.id)
    assert abs(found.task.run_after - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
    assert run_jobs() == []


def elsewhere():
    return os.getpid()


def test_a_cpu_bound_function_that_a_child_would_find_instead_of_its_task_is_refused():
    made = flowrra_task(backend="default", cpu_bound=True)(elsewhere)
    with pytest.raises(InvalidTask, match="has to find it by that name"):
        made.enqueue()
    assert not TaskRecord.objects.exists()


# Results


def test_a_job_that_waits_for_its_retry_is_ready():
    result = builtin_tasks.fail_twice.enqueue()
    run_jobs(until_empty=False)
    result.refresh()
    assert (result.status, result.attempts, len(result.errors)) == (Status.READY, 1, 1)
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value


def test_a_job_that_was_cancelled_has_failed_and_says_so():
    result = contract_tasks.add.enqueue(1)
    assert JobHandle(result.id).cancel()
    result.refresh()
    assert (result.status, result.attempts) == (Status.FAILED, 0)
    (error,) = result.errors
    assert error.exception_class_path == "flowrra_django.exceptions.JobCancelledError"
    assert error.exception_class.__name__ == "JobCancelledError"
    assert "cancelled" in error.traceback


def test_a_job_that_was_retried_by_hand_begins_anew():
    result = builtin_tasks.fail_twice.enqueue()
    run_jobs()
    runtime.get_stores().retry([result.id])
    result.refresh()
    assert (result.status, result.attempts, result.errors) == (Status.READY, 0, [])
    assert (result.started_at, result.last_attempted_at, result.finished_at) == (None, None, None)
    run_jobs()
    result.refresh()
    assert (result.attempts, len(result.errors)) == (3, 2)


def test_the_handle_and_the_admin_see_the_same_job(admin_client):
    result = builtin_tasks.send.enqueue("ada")
    run_jobs()
    job = JobHandle(result.id).get()
    assert (job.status, job.result) == ("success", "sent to ada")
    assert (job.queue, job.priority) == ("mail", -7)
    record = TaskRecord.objects.get(task_id=result.id)
    page = admin_client.get(f"/admin/flowrra_django/taskrecord/{record.pk}/change/")
    assert "sent to ada" in page.content.decode()


def test_a_result_names_the_backend_and_the_task_as_it_was_used():
    used = contract_tasks.add.using(backend="any", queue_name="elsewhere", priority=4)
    result = used.enqueue(1)
    for alias in ("any", "default"):
        found = task_backends[alias].get_result(result.id)
        assert (found.backend, found.task) == ("any", used)


def test_a_job_that_is_to_run_now_still_names_the_task_as_it_was_used():
    used = contract_tasks.add.using(queue_name="mail")
    result = used.enqueue(1)
    assert JobHandle(result.id).run_now()
    assert task_backends["default"].get_result(result.id).task == used


def test_a_task_whose_settings_have_changed_since_is_shown_as_it_is(settings):
    result = contract_tasks.add.using(queue_name="mail").enqueue(1)
    settings.TASKS = {**settings.TASKS, "default": {**settings.TASKS["default"], "QUEUES": ["x"]}}
    assert task_backends["default"].get_result(result.id).task == contract_tasks.add
    with pytest.raises(InvalidTask, match="Queue"):
        contract_tasks.add.enqueue(1)


def test_a_record_makes_nobody_import_a_module(tmp_path, monkeypatch):
    result = contract_tasks.add.enqueue(1)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "trap_of_a_record.py").write_text("raise SystemExit('imported')")
    TaskRecord.objects.update(task_name="trap_of_a_record.spring")
    with pytest.raises(DoesNotExist, match="not imported"):
        task_backends["default"].get_result(result.id)
    assert run_jobs(until_empty=False)[0].status == "pending"


def test_values_are_of_the_exact_types_of_json():
    class Text(str):
        __slots__ = ()

        def __str__(self):
            return "not this"

    class Number(int):
        pass

    result = contract_tasks.echo.enqueue(Text("text"), number=Number(7))
    run_jobs()
    found = contract_tasks.echo.get_result(result.id)
    assert (found.args, found.kwargs) == (["text"], {"number": 7})
    assert found.return_value == [["text"], {"number": 7}]


def test_what_looks_like_a_tag_of_the_ledger_is_a_dict_like_any_other():
    value = {"!": "Decimal", "v": "1"}
    result = contract_tasks.echo.enqueue(value)
    run_jobs()
    assert contract_tasks.echo.get_result(result.id).return_value == [[value], {}]


@pytest.mark.parametrize("aware", [True, False])
def test_moments_are_as_the_site_has_them(settings, aware):
    settings.USE_TZ = aware
    result = contract_tasks.add.enqueue(1)
    run_jobs()
    result.refresh()
    assert timezone.is_aware(result.enqueued_at) is timezone.is_aware(result.finished_at) is aware
    assert abs(timezone.now() - result.finished_at) < timedelta(minutes=1)
    assert result.enqueued_at <= result.started_at <= result.finished_at


def test_too_many_bytes_are_refused(settings):
    settings.FLOWRRA = {"BACKEND": {"URL": "django://default", "MAX_PAYLOAD_BYTES": 100}}
    with pytest.raises(ValueError, match="100"):
        contract_tasks.echo.enqueue("x" * 200)
    assert not TaskRecord.objects.exists()


# Transactions and signals


def test_a_duplicate_of_a_unique_task_is_the_result_of_the_first():
    sent = []

    def hear(sender, task_result, **_):
        sent.append(task_result.id)

    keyed = contract_tasks.add.using(key="order-7")
    signals.task_enqueued.connect(hear)
    try:
        first, second = keyed.enqueue(1, second=2), keyed.enqueue(3, second=4)
        other = contract_tasks.add.enqueue(1, second=2)
    finally:
        signals.task_enqueued.disconnect(hear)
    assert (second.id, second.args, second.kwargs) == (first.id, [1], {"second": 2})
    assert sent == [first.id, other.id]
    with pytest.raises(AlreadyEnqueued):
        keyed.using(on_duplicate="raise").enqueue(1, second=2)
    run_jobs()
    assert keyed.enqueue(5, second=6).id != first.id


def test_a_task_may_be_unique_and_expire():
    unique = flowrra_task(backend="default", unique_by=("value",), expires_in=60)(echo_once)
    try:
        first = unique.enqueue(1)
        assert unique.enqueue(value=1, note="again").id == first.id
        assert unique.enqueue(2).id != first.id
        job = JobHandle(first.id).get()
        assert job.expires_at - job.submitted_at == timedelta(seconds=60)
        late = unique.using(expires_in=timedelta(hours=1)).enqueue(3)
        job = JobHandle(late.id).get()
        assert job.expires_at - job.submitted_at == timedelta(hours=1)
        with pytest.raises(ValueError, match="unique by its arguments already"):
            unique.using(key="k").enqueue(1)
    finally:
        runtime.registry.unregister(unique.module_path)


def echo_once(value, note=""):
    return value


def test_task_enqueued_is_sent_after_the_commit():
    told = []

    def hear(sender, task_result, **kwargs):
        told.append((sender, task_result.id))

    signals.task_enqueued.connect(hear)
    try:
        with transaction.atomic():
            result = contract_tasks.add.enqueue(1)
            assert task_backends["default"].get_result(result.id).status == Status.READY
            assert told == []
        assert told == [(type(task_backends["default"]), result.id)]
        with transaction.atomic():
            gone = contract_tasks.add.enqueue(1)
            transaction.set_rollback(True)
        assert len(told) == 1
    finally:
        signals.task_enqueued.disconnect(hear)
    with pytest.raises(DoesNotExist):
        task_backends["default"].get_result(gone.id)


def test_a_receiver_that_raises_does_not_keep_a_task_from_being_enqueued():
    def deaf(**kwargs):
        raise RuntimeError("deaf")

    signals.task_enqueued.connect(deaf)
    try:
        result = contract_tasks.add.enqueue(1)
    finally:
        signals.task_enqueued.disconnect(deaf)
    assert contract_tasks.add.get_result(result.id).status == Status.READY


def test_a_receiver_may_enqueue_more():
    def more(sender, task_result, **kwargs):
        if not Group.objects.exists():
            Group.objects.create(name=task_result.id)
            contract_tasks.add.enqueue(2)

    signals.task_finished.connect(more)
    try:
        contract_tasks.add.enqueue(1)
        run_jobs()
    finally:
        signals.task_finished.disconnect(more)
    assert TaskRecord.objects.filter(status="success").count() == 2


def test_async_code_enqueues_within_its_transaction():
    with transaction.atomic():
        async_to_sync(contract_tasks.add.aenqueue)(1)
        transaction.set_rollback(True)
    assert not TaskRecord.objects.exists()


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("send", "SUCCESSFUL", ""),
        ("fail_in_coroutine", "FAILED", "ArithmeticError: no luck"),
        ("fail_in_child", "FAILED", "in fail_in_child"),
        ("interrupt", "FAILED", "KeyboardInterrupt: Ctrl-C"),
    ],
)
def test_a_worker_sends_djangos_signals_with_the_exception(
    start_worker, notes, name, status, words
):
    result = getattr(builtin_tasks, name).enqueue(*(["ada"] if name == "send" else []))
    work(start_worker, **notes.environment)
    started, finished = notes(task_id=result.id)
    assert [started["signal"], finished["signal"]] == ["started", "finished"]
    assert [started["status"], finished["status"]] == ["RUNNING", status]
    cls = type(task_backends["default"])
    for told in (started, finished):
        assert told["sender"] == f"{cls.__module__}.{cls.__qualname__}"
        assert (told["attempts"], told["enqueued"], told["groups"]) == (1, True, 0)
        assert not told["is_on_a_loop"]
    assert words in finished["error"]
    assert bool(finished["error"]) is (status == "FAILED")
    assert finished["errors"] == (status == "FAILED")
    assert finished["returned"] == ("sent to ada" if name == "send" else None)


def test_task_finished_is_sent_once_for_all_attempts(start_worker, notes):
    result = builtin_tasks.fail_twice.enqueue()
    work(start_worker, **notes.environment)
    told = [(line["signal"], line["attempts"]) for line in notes(task_id=result.id)]
    assert told == [("started", 1), ("started", 2), ("started", 3), ("finished", 3)]


def test_jobs_of_our_own_tasks_send_none_of_djangos_signals(start_worker, notes):
    job = tasks.double.enqueue(1)
    work(start_worker, **notes.environment)
    assert notes(task_id=job.task_id) == []


# Ours where Django's own is expected, and the other way round


def test_a_task_of_ours_can_be_enqueued_through_the_backend():
    result = task_backends["default"].enqueue(builtin_tasks.ours, (4,), {})
    assert (result.task, result.status) == (builtin_tasks.ours, Status.READY)
    run_jobs()
    result.refresh()
    assert result.return_value == [4]
    assert builtin_tasks.ours.get_result(result.id).return_value == [4]
    with pytest.raises(Mismatch):
        contract_tasks.add.get_result(result.id)
    used = builtin_tasks.ours.using(run_after=timedelta(hours=1), priority=-3)
    later = task_backends["default"].enqueue(used, (5,), {})
    assert JobHandle(later.id).get().priority == -3
    with pytest.raises(InvalidTask):
        task_backends["default"].enqueue(builtin_tasks.ours.using(queue="nowhere"), (), {})


def test_a_job_of_ours_can_be_asked_for_in_djangos_way():
    job = tasks.double.enqueue(datetime(2026, 1, 2, tzinfo=UTC))
    result = tasks.double.get_result(job.id)
    assert (result.id, result.status) == (job.task_id, Status.READY)
    assert result.args == ["datetime.datetime(2026, 1, 2, 0, 0, tzinfo=datetime.timezone.utc)"]


def test_a_task_of_ours_can_be_run_by_djangos_immediate_backend():
    result = task_backends["immediate"].enqueue(builtin_tasks.ours, (4,), {})
    assert result.return_value == [4]


def test_a_task_of_another_backend_is_run_if_the_worker_knows_it():
    made = task(backend="immediate")(contract_tasks.add.func)
    result = made.using(backend="default").enqueue(1, second=2)
    run_jobs()
    result.refresh()
    assert result.return_value == 3


@pytest.mark.skipif(
    not (HAS_TASKS and HAS_PACKAGE), reason="Needs Django 6 and the package django-tasks."
)
def test_a_site_may_use_both_dialects_at_once(start_worker):
    import django_tasks  # noqa: PLC0415

    from tests.testapp import package_tasks  # noqa: PLC0415

    ours, theirs = contract_tasks.add.enqueue(1), package_tasks.shout.enqueue("hello")
    assert isinstance(package_tasks.shout, django_tasks.base.Task)
    work(start_worker)
    ours.refresh()
    theirs.refresh()
    assert (ours.return_value, theirs.return_value) == (1, "HELLO")
    assert isinstance(theirs, django_tasks.TaskResult)
    assert isinstance(ours, api.TaskResult)
    found = task_backends["default"].get_result(theirs.id)
    assert isinstance(found, django_tasks.TaskResult)
    with pytest.raises(django_tasks.exceptions.TaskResultMismatch):
        package_tasks.shout.get_result(ours.id)
    with pytest.raises(django_tasks.exceptions.TaskResultDoesNotExist):
        package_tasks.shout.get_result("nobody")
    mixed = task_backends["default"].enqueue(package_tasks.shout, ("again",), {})
    assert isinstance(mixed, django_tasks.TaskResult)
