"""Tasks by name: a function with its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

import orjson

from .exceptions import TaskNotFoundError
from .job import DEFAULT_MAX_CRASHES, DEFAULT_QUEUE, NO_META, Job, Kind, OnDuplicate
from .policy import Errors, RetryDelay, Seconds, Verdict, check_delay, check_errors
from .uniqueness import Until, check_uniqueness, expiry

KEPT_CHANGES = 1000
OPTIONS_OF_A_JOB: Mapping[str, Callable[[Any], Any]] = {
    "kind": Kind,
    "max_retries": lambda value: value,
    "retry_delay": lambda value: value,
    "timeout": lambda value: value,
}

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a task says of its jobs, whichever package's class of task it is.

    `max_retries` counts the runs after the first one that raised, `retry_delay` is in seconds, a
    list of them or a `Backoff`; None for either means what the executor's config says. Only errors
    of `retry_on` are worth another run (None: all), and none of `give_up_on`; `retry_on` may be a
    function of the error and the number of failures, which says whether, or after how long.
    `timeout` is in seconds, for each run. `max_crashes` is how often a job may lose its process
    and be run again.

    With `unique`, or the names of parameters in `unique_by`, there is one job at a time with the
    same arguments: until it starts or has finished, as `unique_until` says. `on_duplicate` says
    what enqueueing another does: return the first one, raise AlreadyEnqueued, or replace the
    first one's arguments and time. A job that has not started after `expires_in`, in seconds or a
    timedelta, is cancelled.
    """

    __slots__ = ()  # those who inherit this beside a class with slots give its fields theirs

    max_retries: int | None = None
    retry_delay: RetryDelay | None = None
    retry_on: Errors | Verdict | None = None
    give_up_on: Errors = ()
    timeout: float | None = None
    max_crashes: int = DEFAULT_MAX_CRASHES
    unique: bool = False
    unique_by: tuple[str, ...] = ()
    unique_until: Until = "finish"
    on_duplicate: Literal["return", "raise", "replace"] | OnDuplicate = OnDuplicate.RETURN
    expires_in: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Options):
    """A registered function and how its jobs are run.

    With `takes_job` the function is called with the `Job` in front of the arguments.
    """

    name: str
    func: Callable[..., Any]
    kind: Kind
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    takes_job: bool = False

    def __post_init__(self) -> None:
        if not self.queue:
            raise ValueError(f"Task {self.name!r} needs a queue name that is not empty.")
        check_delay(self.retry_delay, f"retry_delay of task {self.name!r}")
        check_errors(self.retry_on, f"retry_on of task {self.name!r}", or_function=True)
        check_errors(self.give_up_on, f"give_up_on of task {self.name!r}")
        if self.timeout is not None and not self.timeout > 0:
            raise ValueError(f"timeout of task {self.name!r} must be over 0, got {self.timeout}.")
        for option in ("max_retries", "max_crashes"):
            value = getattr(self, option)
            if value is not None and value < 0:
                raise ValueError(f"{option} of task {self.name!r} must be 0 or more, got {value}.")
        if self.expires_in is not None:
            expiry(self.expires_in, f"expires_in of task {self.name!r}")
        self._check_uniqueness()

    def _check_uniqueness(self) -> None:
        check_uniqueness(
            self.name,
            self.signature.parameters if self.unique_by else {},
            unique=self.unique,
            by=self.unique_by,
            until=self.unique_until,
            on_duplicate=self.on_duplicate,
        )

    @property
    def path(self) -> str:
        """Where the function is found: `module:qualname`."""
        return f"{self.func.__module__}:{self.func.__qualname__}"

    @property
    def signature(self) -> inspect.Signature:
        """How it is called, without the job that some take in front."""
        signature = inspect.signature(self.func)
        parameters = [*signature.parameters.values()][self.takes_job :]
        return signature.replace(parameters=parameters)

    @property
    def about(self) -> str:
        """The first line of its documentation; "" if it has none."""
        return (inspect.getdoc(self.func) or "").partition("\n")[0]

    def argument_names(self, count: int) -> list[str]:
        """Return what the first `count` positional arguments are called, as far as there are."""
        parameters = self.signature.parameters.values()
        names = [
            p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        rest = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
        return [*names, *rest * count][:count]

    def call_for(self, job: Job) -> Callable[..., Any]:
        """Return what is called with the arguments of the job."""
        return partial(self.func, job) if self.takes_job else self.func


class TaskRegistry:
    """The tasks that a process knows, by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._names: dict[Callable[..., Any], str] = {}
        self._changed: dict[tuple[str, str], Task] = {}

    def task(
        self, name: str | None = None, *, cpu_bound: bool = False, **options: Any
    ) -> Callable[[Function], Function]:
        """Return a decorator that registers a function and returns it unchanged.

        `options` are the fields of `Task`. Raises TypeError for a function that cannot be run
        as asked, ValueError for an option out of range or a name that is taken.
        """
        if callable(name):
            raise TypeError(f"Write @task() above {name!r}: the parentheses are missing.")

        def register(func: Function) -> Function:
            kind = kind_of(func, cpu_bound=cpu_bound)
            self.add(Task(name=name or func.__name__, func=func, kind=kind, **options))
            return func

        return register

    def add(self, task: Task) -> Task:
        """Register a task. The same function, imported anew, takes the place of its old self."""
        known = self._tasks.get(task.name)
        if known is not None and known.path != task.path:
            raise ValueError(
                f"A task named {task.name!r} is registered already, by {known.path}. "
                "Give this one another name."
            )
        self._tasks[task.name] = task
        self._changed.clear()
        self._names[task.func] = task.name
        return task

    def get(self, name: str) -> Task | None:
        return self._tasks.get(name)

    def for_job(self, job: Job) -> Task | None:
        """Return the job's task, with the options that the job's `meta` names instead of its own.

        They are those of `OPTIONS_OF_A_JOB`, in `meta["options"]`.
        """
        task = self._tasks.get(job.task_name)
        if task is None or job.meta == NO_META:
            return task
        known = self._changed.get((task.name, job.meta))
        if known is None:
            if len(self._changed) >= KEPT_CHANGES:
                self._changed.clear()
            known = self._changed[task.name, job.meta] = _changed(task, job.meta)
        return known

    def get_or_raise(self, name: str) -> Task:
        """Return the task of that name, or raise TaskNotFoundError."""
        task = self._tasks.get(name)
        if task is None:
            raise TaskNotFoundError(name)
        return task

    def argument_names(self, name: str, count: int) -> list[str]:
        """Return what the first positional arguments of a task are called; "" is unknown."""
        task = self._tasks.get(name)
        names = task.argument_names(count) if task else []
        return [*names, *[""] * (count - len(names))]

    def find(self, func: Callable[..., Any]) -> Task:
        """Return the task that this function is registered as, or raise TaskNotFoundError."""
        name = self._names.get(func)
        if name is None:
            raise TaskNotFoundError(getattr(func, "__qualname__", repr(func)))
        return self._tasks[name]

    def is_registered(self, name: str) -> bool:
        return name in self._tasks

    def unregister(self, name: str) -> bool:
        """Forget a task; return whether there was one."""
        is_known = self._tasks.pop(name, None) is not None
        others = {task.func: task.name for task in self}
        self._names = others | {f: n for f, n in self._names.items() if n != name}
        return is_known

    def list_tasks(self) -> list[str]:
        """Return the names, in the order of registration."""
        return list(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(list(self._tasks.values()))

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, name: object) -> bool:
        return name in self._tasks


def _changed(task: Task, meta: str) -> Task:
    """Return the task with the options of a job; as it is if they are none that it could have."""
    try:
        given = orjson.loads(meta).get("options", {})
        return replace(task, **{name: OPTIONS_OF_A_JOB[name](given[name]) for name in given})
    except (AttributeError, KeyError, TypeError, ValueError):
        return task


def kind_of(func: Callable[..., Any], *, cpu_bound: bool = False) -> Kind:
    """Say how a function is to be run, or raise TypeError if it cannot be."""
    if not (hasattr(func, "__qualname__") and callable(func)):
        raise TypeError(f"A task must be a function with a name, got {type(func).__name__}.")
    is_coroutine = inspect.iscoroutinefunction(func)
    if inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func):
        raise TypeError(f"Task {func.__qualname__} is a generator; a task returns one value.")
    if cpu_bound and is_coroutine:
        raise TypeError(
            f"CPU-bound task {func.__qualname__} must be a plain function, not a coroutine."
        )
    if cpu_bound:
        return Kind.CPU
    return Kind.IO if is_coroutine else Kind.THREAD
