"""What the contract of a backend for Django's tasks stands on."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .. import interop
from . import contract_tasks as tasks

if TYPE_CHECKING:
    from django.test import SimpleTestCase as Base
else:
    Base = object

api = import_module(interop.TASKS_MODULE)
errors = import_module(f"{interop.TASKS_MODULE}.exceptions")
InvalidTask = getattr(errors, "InvalidTask", None) or errors.InvalidTaskError
PAUSE_SECONDS = 0.02


class UndoError(Exception):
    """Rolls a transaction back."""


class TaskBackendBench(Base):
    """A backend, the tasks of the contract on it, and patience."""

    backend_alias = "default"
    database_alias = "default"
    patience_seconds = 30.0

    @property
    def backend(self) -> Any:
        return api.task_backends[self.backend_alias]

    def task(self, name: str, **options: Any) -> Any:
        """Return one of the contract's tasks on the backend."""
        return getattr(tasks, name).using(backend=self.backend_alias, **options)

    def run_jobs(self) -> None:
        """Have what is enqueued run; by default somebody else does."""

    def finished(self, result: Any) -> Any:
        """Return the result once it is finished."""
        self.run_jobs()
        deadline = time.monotonic() + self.patience_seconds
        while not result.is_finished:
            self.assertLess(time.monotonic(), deadline, f"{result} did not finish")
            time.sleep(PAUSE_SECONDS)
            result.refresh()
        return result

    def outcome(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self.finished(self.task(name).enqueue(*args, **kwargs))

    def need(self, feature: str) -> None:
        if not getattr(self.backend, f"supports_{feature}"):
            self.skipTest(f"The backend does not support {feature}.")

    def assert_failed(self, result: Any, kind: type[BaseException], message: str) -> None:
        self.assertEqual(result.status, api.TaskResultStatus.FAILED)
        self.assertEqual(len(result.errors), result.attempts)
        self.assertEqual(len(result.worker_ids), result.attempts)
        for error in result.errors:
            self.assertIs(error.exception_class, kind)
            self.assertIn("Traceback (most recent call last)", error.traceback)
            self.assertIn(message, error.traceback)
        with self.assertRaisesMessage(ValueError, "Task failed"):
            _ = result.return_value

    def assert_invalid(self, name: str, message: str, **options: Any) -> None:
        with self.assertRaisesMessage(InvalidTask, message):
            self.task(name, **options)
