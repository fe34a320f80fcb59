"""Tasks by name: a function with its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from .exceptions import TaskNotFoundError
from .job import DEFAULT_MAX_CRASHES, DEFAULT_QUEUE, Kind

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A registered function and how its jobs are run.

    `max_retries` counts the runs after the first one that raised, `retry_delay` is in seconds;
    None for either means what the executor's config says. `max_crashes` is how often a job may
    lose its process and be run again.
    """

    name: str
    func: Callable[..., Any]
    kind: Kind
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    max_retries: int | None = None
    retry_delay: float | None = None
    max_crashes: int = DEFAULT_MAX_CRASHES

    def __post_init__(self) -> None:
        if not self.queue:
            raise ValueError(f"Task {self.name!r} needs a queue name that is not empty.")
        for option in ("max_retries", "retry_delay", "max_crashes"):
            value = getattr(self, option)
            if value is not None and value < 0:
                raise ValueError(f"{option} of task {self.name!r} must be 0 or more, got {value}.")

    @property
    def path(self) -> str:
        """Where the function is found: `module:qualname`."""
        return f"{self.func.__module__}:{self.func.__qualname__}"


class TaskRegistry:
    """The tasks that a process knows, by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._names: dict[Callable[..., Any], str] = {}

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
        self._names[task.func] = task.name
        return task

    def get(self, name: str) -> Task | None:
        return self._tasks.get(name)

    def get_or_raise(self, name: str) -> Task:
        """Return the task of that name, or raise TaskNotFoundError."""
        task = self._tasks.get(name)
        if task is None:
            raise TaskNotFoundError(name)
        return task

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
