"""The contract of a backend for Django's tasks, point by point, as tests for any backend."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils import timezone

from .. import interop
from . import contract_tasks as tasks
from .task_bench import InvalidTask, TaskBackendBench, UndoError, api, errors

signals = import_module(f"{interop.TASKS_MODULE}.signals")


class TaskBackendContract(TaskBackendBench):
    """Mix this into a `TransactionTestCase`, and name the backend's alias in `backend_alias`.

    Jobs have to be run while the tests go on: by the backend itself, by a worker that has imported
    `flowrra_django.testing.contract_tasks`, or by `run_jobs`, which may be overridden. What the
    backend says it does not support is skipped. `database_alias` is the database whose transactions
    enqueueing is a part of, or follows.
    """

    # Enqueueing

    def test_a_task_that_is_enqueued_has_a_result_that_describes_it(self) -> None:
        task = self.task("add")
        result = task.enqueue(1, second=2)
        self.assertEqual(result.task, task)
        self.assertEqual((result.args, result.kwargs), ([1], {"second": 2}))
        self.assertEqual(result.backend, self.backend_alias)
        self.assertIsInstance(result.id, str)
        self.assertTrue(0 < len(result.id) <= 64)
        self.assertLess(abs(result.enqueued_at - timezone.now()), timedelta(minutes=1))

    def test_a_job_that_waits_is_ready_and_has_no_return_value(self) -> None:
        self.need("defer")
        result = self.task("add", run_after=timezone.now() + timedelta(days=1)).enqueue(1)
        self.assertEqual(result.status, api.TaskResultStatus.READY)
        self.assertEqual((result.errors, result.worker_ids, result.attempts), ([], [], 0))
        self.assertIsNone(result.started_at or result.finished_at or result.last_attempted_at)
        self.assertFalse(result.is_finished)
        with self.assertRaisesMessage(ValueError, "Task has not finished yet"):
            _ = result.return_value

    def test_arguments_are_normalized_to_json(self) -> None:
        result = self.outcome("echo", (1, b"two"), key={"three": (4,)})
        self.assertEqual((result.args, result.kwargs), ([[1, "two"]], {"key": {"three": [4]}}))
        self.assertEqual(result.return_value, [[[1, "two"]], {"key": {"three": [4]}}])

    def test_arguments_that_json_cannot_carry_are_refused(self) -> None:
        for value in (object(), datetime.now(), {1}):  # noqa: DTZ005
            with self.assertRaisesMessage(TypeError, "Unsupported type"):
                self.task("echo").enqueue(value)
        with self.assertRaisesMessage(ValueError, "Unsupported value"):
            self.task("echo").enqueue(b"\xff")

    def test_a_task_can_be_enqueued_from_async_code(self) -> None:
        result = self.finished(async_to_sync(self.task("add").aenqueue)(20, second=22))
        self.assertEqual(result.return_value, 42)

    def test_a_job_whose_transaction_is_rolled_back_never_was(self) -> None:
        self.need("get_result")
        results: list[Any] = []
        with suppress(UndoError), transaction.atomic(using=self.database_alias):
            results.append(self.task("nothing").enqueue())
            raise UndoError
        with self.assertRaises(errors.TaskResultDoesNotExist):
            self.backend.get_result(results[0].id)

    # Running

    def test_a_job_that_succeeds(self) -> None:
        result = self.outcome("add", 40, second=2)
        self.assertEqual(result.status, api.TaskResultStatus.SUCCESSFUL)
        self.assertEqual((result.return_value, result.errors), (42, []))
        self.assertEqual(result.attempts, len(result.worker_ids))
        self.assertGreaterEqual(result.attempts, 1)
        self.assertTrue(all(0 < len(worker_id) <= 64 for worker_id in result.worker_ids))
        moments = [
            result.enqueued_at, result.started_at, result.last_attempted_at, result.finished_at
        ]  # fmt: skip
        self.assertEqual(moments, sorted(moments))

    def test_a_coroutine(self) -> None:
        self.need("async_task")
        self.assertEqual(self.outcome("add_in_coroutine", 40, second=2).return_value, 42)

    def test_a_job_that_returns_none_has_succeeded(self) -> None:
        result = self.outcome("nothing")
        self.assertEqual(result.status, api.TaskResultStatus.SUCCESSFUL)
        self.assertIsNone(result.return_value)

    def test_a_job_that_raises_has_failed_with_that_error_at_each_attempt(self) -> None:
        self.assert_failed(self.outcome("fail", "no luck"), ValueError, "ValueError: no luck\n")

    def test_system_exit_is_a_failure_of_the_job(self) -> None:
        self.assert_failed(self.outcome("leave", "gone"), SystemExit, "SystemExit: gone\n")

    def test_a_return_value_that_json_cannot_carry_is_a_failure(self) -> None:
        self.assert_failed(self.outcome("unspeakable"), TypeError, "Unsupported type")

    def test_a_task_may_take_its_context(self) -> None:
        result = self.outcome("tell_context", "x")
        told = [result.id, result.attempts, ["x"], result.attempts, "RUNNING", "x"]
        self.assertEqual(result.return_value, told)

    def test_a_job_is_not_run_before_its_time(self) -> None:
        self.need("defer")
        at = timezone.now() + timedelta(seconds=1)
        result = self.finished(self.task("nothing", run_after=at).enqueue())
        self.assertGreaterEqual(result.started_at, at)

    # Results

    def test_a_result_is_found_by_its_id(self) -> None:
        self.need("get_result")
        task = self.task("add")
        result = self.finished(task.enqueue(1, second=2))
        for found in (
            self.backend.get_result(result.id),
            task.get_result(result.id),
            async_to_sync(task.aget_result)(result.id),
        ):
            self.assertEqual(found.id, result.id)
            self.assertEqual((found.task, found.args, found.kwargs), (task, [1], {"second": 2}))
            self.assertEqual((found.status, found.return_value), (result.status, 3))
            self.assertEqual(found.worker_ids, result.worker_ids)

    def test_a_result_can_be_refreshed(self) -> None:
        self.need("get_result")
        result = self.task("add").enqueue(1)
        self.finished(self.backend.get_result(result.id))
        async_to_sync(result.arefresh)()
        self.assertEqual(result.return_value, 1)

    def test_what_is_no_result_is_not_found(self) -> None:
        self.need("get_result")
        with self.assertRaises(errors.TaskResultDoesNotExist):
            self.backend.get_result("no-such-id")
        with self.assertRaises(errors.TaskResultDoesNotExist):
            async_to_sync(self.backend.aget_result)("no-such-id")

    def test_the_result_of_another_task_is_a_mismatch(self) -> None:
        self.need("get_result")
        result = self.task("nothing").enqueue()
        with self.assertRaisesMessage(errors.TaskResultMismatch, "Task does not match"):
            self.task("add").get_result(result.id)

    # What is no task

    def test_a_priority_is_a_whole_number_from_minus_100_to_100(self) -> None:
        self.need("priority")
        for priority in (-101, 101, 0.5):
            self.assert_invalid("nothing", "must be a whole number between", priority=priority)
        for priority in (-100, 100):
            self.assertEqual(self.task("nothing", priority=priority).priority, priority)

    def test_a_moment_without_a_time_zone_is_refused(self) -> None:
        self.need("defer")
        naive = datetime.now()  # noqa: DTZ005
        self.assert_invalid("nothing", "run_after must be an aware datetime", run_after=naive)

    def test_a_queue_that_is_not_in_the_settings_is_refused(self) -> None:
        if not self.backend.queues:
            self.skipTest("The backend takes every queue.")
        self.assert_invalid("nothing", "Queue 'nowhere' is not valid", queue_name="nowhere")

    def test_a_function_has_to_be_at_module_level(self) -> None:
        def local() -> None:
            pass

        for func in (local, any, self.need):
            with self.assertRaisesMessage(InvalidTask, "must be defined at a module level"):
                interop.create_django_task(func, self.backend_alias)

    def test_a_task_that_takes_a_context_has_to_have_a_place_for_it(self) -> None:
        with self.assertRaisesMessage(InvalidTask, "does not have a first argument of 'context'"):
            interop.create_django_task(tasks.add.func, self.backend_alias, takes_context=True)

    # Signals and checks

    def test_task_enqueued_is_sent_by_the_backends_class(self) -> None:
        told: list[tuple[Any, str]] = []

        def hear(sender: Any, task_result: Any, **_: Any) -> None:
            told.append((sender, task_result.id))

        signals.task_enqueued.connect(hear)
        try:
            result = self.task("nothing").enqueue()
        finally:
            signals.task_enqueued.disconnect(hear)
        self.assertEqual(told, [(type(self.backend), result.id)])

    def test_the_settings_pass_the_backends_checks(self) -> None:
        self.assertEqual(list(self.backend.check()), [])
