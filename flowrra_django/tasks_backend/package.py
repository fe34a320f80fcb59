"""For the package `django-tasks`, on Django 5.2 and beside Django's own on 6.x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django_tasks import TaskContext, TaskResult, TaskResultStatus, signals, task_backends
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task, TaskError
from django_tasks.exceptions import (
    InvalidTaskBackendError,
    InvalidTaskError,
    TaskResultDoesNotExist,
)
from django_tasks.utils import normalize_json

from ..registry import Options
from .backend import Logic
from .behaviour import Behaviour
from .dialect import DIALECTS, Dialect

DIALECT = DIALECTS["django_tasks"] = Dialect(
    name="django_tasks",
    task=Task,
    result=TaskResult,
    error=TaskError,
    context=TaskContext,
    status=TaskResultStatus,
    invalid_task=InvalidTaskError,
    invalid_backend=InvalidTaskBackendError,
    no_result=TaskResultDoesNotExist,
    enqueued=signals.task_enqueued,
    started=signals.task_started,
    finished=signals.task_finished,
    backends=task_backends,
    normalize=normalize_json,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageTask(Behaviour, Options, Task):  # type: ignore[type-arg]
    """The package's `Task`, with the options of `@flowrra_task`."""

    dialect: ClassVar = DIALECT

    cpu_bound: bool = False
    key: str | None = None


class PackageBackend(Logic, BaseTaskBackend):
    """Keeps the jobs of `django_tasks`, for `manage.py runflowrra` to run."""

    dialect = DIALECT
    task_class: Any = PackageTask
