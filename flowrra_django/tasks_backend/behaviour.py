"""What our `Task` classes add to Django's: options, and a place in the registry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

from .. import runtime
from ..job import Kind
from ..overrides import OF_THE_CALL, OF_THE_TASK, check_portable
from ..registry import OPTIONS_OF_A_JOB, Task, kind_of
from ..uniqueness import check_key, check_on_duplicate, expiry
from .dialect import Dialect
from .running import runnable

LIMITS = OPTIONS_OF_A_JOB.keys() - {"kind"}
OF_A_JOB = LIMITS | OF_THE_CALL | {"cpu_bound", "key"}


class Behaviour:
    """Mixed into a frozen dataclass that has `cpu_bound`, `key` and the fields of `Options`."""

    __slots__ = ()

    dialect: ClassVar[Dialect]

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[misc]
        register(self.dialect, self)

    @property
    def __wrapped__(self) -> Any:
        """What a child process is to call when it finds the task by its name."""
        return runtime.registry.get_or_raise(self.module_path).func  # type: ignore[attr-defined]

    def using(self, **changes: Any) -> Self:
        """Return the task with other options for the jobs enqueued through it.

        Beside Django's own they may be `cpu_bound`, `max_retries`, `retry_delay` (seconds, or a
        list of them), `timeout`, `max_crashes`, `key`, `on_duplicate` and `expires_in`.
        `run_after` may be a timedelta from the time of enqueueing.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        check_portable(given)
        options = {name: given.pop(name) for name in OF_A_JOB & given.keys()}
        task: Self = super().using(**given)  # type: ignore[misc]
        return replace(task, **options) if options else task  # type: ignore[type-var]


def register(dialect: Dialect, task: Any) -> Task:
    """Put a task into the registry, unless it is there; return what is.

    Raises the dialect's InvalidTask for a function or an option that cannot be.
    """
    known = runtime.registry.get(task.module_path)
    if known is not None and getattr(known.func, "__wrapped__", known.func) is task.func:
        return known
    try:
        definition = runtime.registry.add(definition_of(dialect, task))
    except (TypeError, ValueError) as error:
        raise dialect.invalid_task(str(error)) from error
    runtime.senders[definition.name] = task
    return definition


def definition_of(dialect: Dialect, task: Any) -> Task:
    """Return how workers run a task."""
    given = {name: getattr(task, name) for name in OF_THE_TASK if hasattr(task, name)}
    return Task(
        name=task.module_path,
        func=runnable(dialect, task),
        kind=kind_of(task.func, cpu_bound=getattr(task, "cpu_bound", False)),
        queue=task.queue_name,
        priority=-int(task.priority),
        takes_job=task.takes_context,
        **given,
    )


def options_for_job(task: Any, definition: Task) -> dict[str, Any]:
    """Return the options in which a task differs from the definition that workers have of it."""
    options = {
        name: getattr(task, name)
        for name in LIMITS
        if hasattr(task, name) and getattr(task, name) != getattr(definition, name)
    }
    kind = kind_for_job(task, definition)
    return options if kind is definition.kind else {**options, "kind": kind}


def wishes_for_job(task: Any, definition: Task) -> dict[str, Any]:
    """Return what a task says of the one job, in the words of a `Call`; errors are as in `using`.

    A task of Django's own class has no such words.
    """
    wishes = {name: getattr(task, name, None) for name in ("key", "on_duplicate", "expires_in")}
    if wishes["key"] is not None:
        is_unique = definition.unique or bool(definition.unique_by)
        check_key(definition.name, wishes["key"], is_unique=is_unique)
    if wishes["on_duplicate"] is not None:
        check_on_duplicate(definition.name, wishes["on_duplicate"], definition.unique_until)
    if wishes["expires_in"] is not None:
        wishes["expires_in"] = expiry(wishes["expires_in"])
    return wishes


def kind_for_job(task: Any, definition: Task) -> Kind:
    is_cpu_bound = getattr(task, "cpu_bound", definition.kind is Kind.CPU)
    return kind_of(task.func, cpu_bound=is_cpu_bound)
