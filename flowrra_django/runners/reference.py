"""Functions by name: which ones another process can find, and how it finds them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

REMEDY = "Define it at the top level of a module."


def check_importable(func: Callable[..., Any]) -> None:
    """Raise TypeError if another process could not find the function by its name.

    Says nothing about names that are not bound yet, so it may be asked within a decorator.
    """
    func = _seen_through(func)
    module, name = getattr(func, "__module__", None), getattr(func, "__qualname__", None)
    if not module or not name:
        raise TypeError(f"{func!r} has no name to import it by. {REMEDY}")
    if "<" in name:
        raise TypeError(f"{name} in {module} is local to a function, or a lambda. {REMEDY}")
    if inspect.ismethod(func) and not inspect.isclass(func.__self__):
        raise TypeError(f"{name} in {module} is bound to an instance. {REMEDY}")
    if module == "__main__" and not _is_main_importable():
        raise TypeError(
            f"{name} is defined in a main program that is no file (-c, stdin, a prompt) "
            "or that is run as a package; another process cannot import it. Move it to a module."
        )


@cache
def find_function(path: str) -> Callable[..., Any]:
    """Import the function that `module:qualname` names, or raise ImportError."""
    module, _, qualname = path.partition(":")
    try:
        found = attrgetter(qualname)(import_module(module))
    except (ImportError, AttributeError) as error:
        raise ImportError(f"{path} is not found in a child process: {error}. {REMEDY}") from error
    return _seen_through(found)


def _seen_through(found: Any) -> Callable[..., Any]:
    """Return the function behind an object that has taken its place and has `__wrapped__`.

    A function that wraps another is not seen through: what it adds is part of the task.
    """
    function: Callable[..., Any] = inspect.unwrap(found, stop=inspect.isroutine)
    return function


def _is_main_importable() -> bool:
    """Say whether multiprocessing will run the main program's definitions in a child."""
    main = sys.modules["__main__"]
    if main.__spec__ is not None:
        return main.__spec__.name.rpartition(".")[2] != "__main__"
    file = getattr(main, "__file__", None)
    return file is not None and Path(file).is_file()
