"""For `django.tasks`, which Django has since 6.0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.tasks import Task, TaskContext, TaskResult, TaskResultStatus, signals, task_backends
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import TaskError
from django.tasks.exceptions import InvalidTask, InvalidTaskBackend, TaskResultDoesNotExist
from django.utils.json import normalize_json

from ..registry import Options
from .backend import Logic
from .behaviour import Behaviour
from .dialect import DIALECTS, Dialect

DIALECT = DIALECTS["django.tasks"] = Dialect(
    name="django.tasks",
    task=Task,
    result=TaskResult,
    error=TaskError,
    context=TaskContext,
    status=TaskResultStatus,
    invalid_task=InvalidTask,
    invalid_backend=InvalidTaskBackend,
    no_result=TaskResultDoesNotExist,
    enqueued=signals.task_enqueued,
    started=signals.task_started,
    finished=signals.task_finished,
    backends=task_backends,
    normalize=normalize_json,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DjangoTask(Behaviour, Options, Task):  # type: ignore[type-arg]
    """Django's `Task`, with the options of `@flowrra_task`."""

    dialect: ClassVar = DIALECT

    cpu_bound: bool = False
    key: str | None = None


class FlowrraBackend(Logic, BaseTaskBackend):  # type: ignore[misc]
    """Keeps the jobs of `django.tasks`, for `manage.py runflowrra` to run."""

    dialect = DIALECT
    task_class: Any = DjangoTask
