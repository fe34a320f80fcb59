"""The logic of the backend, in whichever dialect."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

import orjson
from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning as Caution
from django.utils import timezone

from .. import runtime
from ..engine.dispatch import Call
from ..ids import new_task_id
from ..job import Kind
from ..registry import Task
from ..task import due
from .behaviour import kind_for_job, options_for_job, register, wishes_for_job
from .dialect import DIALECTS, Dialect, dialect_of
from .results import result_of
from .running import plain
from .telling import TasksAudience

runtime.audiences.append(TasksAudience())

KEYS = {"BACKEND", "QUEUES", "OPTIONS"}
LONGEST_QUEUE = 100


class WithoutDelay:
    """A task as it would be if it had no `run_after`."""

    run_after = None

    def __init__(self, task: Any) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


class Logic:
    """Mixed into the dialect's `BaseTaskBackend`. Jobs are kept where `settings.FLOWRRA` says."""

    dialect: ClassVar[Dialect]

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    alias: str
    queues: set[str]
    options: dict[str, Any]

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)  # type: ignore[call-arg]
        self._params = params

    def dialect_of(self, task: Any) -> Dialect:
        """Return the dialect of a task, which may be another than this backend's own."""
        return next((d for d in DIALECTS.values() if isinstance(task, d.task)), self.dialect)

    def validate_task(self, task: Any) -> None:
        """Raise InvalidTask for a task that cannot be enqueued here, as Django's backends do.

        `run_after` may be a timedelta.
        """
        if isinstance(task.run_after, timedelta):
            task = WithoutDelay(task)  # which Django's own would take for a moment
        super().validate_task(task)  # type: ignore[misc]
        if len(task.queue_name) > LONGEST_QUEUE:
            problem = f"A queue's name has up to {LONGEST_QUEUE} characters."
            raise self.dialect.invalid_task(problem)

    def enqueue(self, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Write a job, as a part of the current transaction; return its result, READY.

        For a duplicate of a unique job it is the result of the first, as it stands. Raises
        InvalidTask for the task, and TypeError or ValueError for arguments that JSON cannot
        carry; nothing is written then. Receivers of `task_enqueued` are told after the commit.
        """
        self.validate_task(task)
        dialect = self.dialect_of(task)
        definition = register(dialect, task)
        plain_args, plain_kwargs = plain(dialect, list(args)), plain(dialect, kwargs)
        call = self._call(dialect, task, definition, plain_args, plain_kwargs)
        (task_id,) = runtime.get_dispatcher().enqueue([call])
        if task_id != call.task_id:  # there was one already
            return self.get_result(task_id)
        result = self._ready(dialect, task, task_id, plain_args, plain_kwargs)
        runtime.after_commit(partial(dialect.enqueued.send_robust, type(self), task_result=result))
        return result

    def get_result(self, result_id: str) -> Any:
        """Return the job as it stands.

        Raises TaskResultDoesNotExist if there is none of that id, or its task is not known here:
        no module is imported because a record names it.
        """
        job = runtime.get_stores().backend.results([str(result_id)]).get(str(result_id))
        if job is None:
            raise self.dialect.no_result(result_id)
        task = runtime.senders.get(job.task_name or "")
        if task is None:
            raise self.dialect.no_result(
                f"{result_id} is a job of {job.task_name}, which this process has not imported."
            )
        return result_of(dialect_of(job.meta) or self.dialect, task, job)

    def check(self, **_: Any) -> Iterable[CheckMessage]:
        """Report what is wrong with the entry in TASKS."""
        place = f"TASKS[{self.alias!r}]"
        if not apps.is_installed("flowrra_django"):
            yield _error(f"{place} needs the app 'flowrra_django'.", "Add it to INSTALLED_APPS.")
        queues = self._params.get("QUEUES", [])
        if isinstance(queues, str) or not all(isinstance(queue, str) for queue in queues):
            yield _error(f"{place}['QUEUES'] is a list of names, got {queues!r}.")
        if self.options:
            names = ", ".join(map(repr, self.options))
            yield _error(
                f"{place}['OPTIONS'] has {names}, and this backend has no options of its own.",
                "What it needs is in settings.FLOWRRA.",
            )
        if unknown := ", ".join(map(repr, self._params.keys() - KEYS)):
            yield Caution(f"{place} has {unknown}, which means nothing.", id="flowrra_django.W010")

    def _call(
        self, dialect: Dialect, task: Any, definition: Task, args: list[Any], kwargs: dict[str, Any]
    ) -> Call:
        kind = kind_for_job(task, definition)
        if kind is Kind.CPU:
            _check_findable(dialect, task)
        noted: dict[str, Any] = {"tasks": dialect.name, "backend": self.alias}
        if options := options_for_job(task, definition):
            noted["options"] = options
        max_crashes = getattr(task, "max_crashes", definition.max_crashes)
        return Call(
            task_id=new_task_id(),
            task=replace(definition, kind=kind, max_crashes=max_crashes),
            args=tuple(args),
            kwargs=kwargs,
            queue=task.queue_name,
            priority=-int(task.priority),
            run_after=due(task.run_after),
            meta=orjson.dumps(noted).decode(),
            **wishes_for_job(task, definition),
        )

    def _ready(
        self, dialect: Dialect, task: Any, task_id: str, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        return dialect.result(
            task=task,
            id=task_id,
            status=dialect.status.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=args,
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )


def _check_findable(dialect: Dialect, task: Any) -> None:
    """Refuse a CPU-bound function in whose place a child process would find something else."""
    found: Any = sys.modules.get(task.func.__module__)
    for name in task.func.__qualname__.split("."):
        found = getattr(found, name, None)
    if found is not None and getattr(found, "func", None) is not task.func:
        raise dialect.invalid_task(
            f"CPU-bound task {task.module_path} is run in another process, which has to find it by "
            "that name. Decorate the function with @, or give the task the function's name."
        )


def _error(text: str, hint: str | None = None) -> CheckMessage:
    return Error(text, hint=hint, id="flowrra_django.E010")
