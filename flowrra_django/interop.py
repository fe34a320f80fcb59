"""What makes a task of ours pass for one of Django's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any

import django
from asgiref.sync import async_to_sync, sync_to_async

from .registry import Task

TASKS_MODULE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
LOWEST, HIGHEST = -100, 100


class DjangoTaskFace:
    """The attributes and methods of Django's `Task`, but for those that ours has already.

    `priority` is on Django's scale, where a higher number runs first.
    """

    definition: Task
    _overrides: Mapping[str, Any]

    backend = "default"
    takes_context = False

    @property
    def func(self) -> Any:
        return self.definition.func

    @property
    def module_path(self) -> str:
        return self.definition.name

    @property
    def queue_name(self) -> str:
        return str(self._overrides.get("queue", self.definition.queue))

    @property
    def priority(self) -> int:
        ours: int = self._overrides.get("priority", self.definition.priority)
        return max(LOWEST, min(HIGHEST, -ours))

    @property
    def run_after(self) -> datetime | timedelta | None:
        return self._overrides.get("run_after")

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, here and now; await what is a coroutine."""
        func = self.func
        return (async_to_sync(func) if iscoroutinefunction(func) else func)(*args, **kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Do what `call` does, from async code."""
        func = self.func
        return await (func if iscoroutinefunction(func) else sync_to_async(func))(*args, **kwargs)

    def get_backend(self) -> Any:
        """Return the site's default backend in TASKS."""
        return task_backends()[self.backend]

    def get_result(self, result_id: str) -> Any:
        """Return a job of this task as Django's `TaskResult`, as the backend has it."""
        return self._mine(self.get_backend().get_result(result_id))

    async def aget_result(self, result_id: str) -> Any:
        """Do what `get_result` does, from async code."""
        return self._mine(await self.get_backend().aget_result(result_id))

    def _mine(self, result: Any) -> Any:
        if result.task.func != self.func:
            mismatch = import_module(f"{TASKS_MODULE}.exceptions").TaskResultMismatch
            raise mismatch(f"Task does not match (received {result.task.module_path!r})")
        return result


def task_backends() -> Any:
    """Return the backends of TASKS."""
    return import_module(TASKS_MODULE).task_backends


def create_django_task(func: Any, backend: str, **options: Any) -> Any:
    """Return a task of the class that a backend in TASKS wants, also where its decorator cannot."""
    given = {"priority": 0, "queue_name": "default", "run_after": None, "takes_context": False}
    task_class = task_backends()[backend].task_class
    return task_class(func=func, backend=backend, **{**given, **options})
