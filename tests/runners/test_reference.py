"""Which functions another process can find, and how."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest

from flowrra_django.runners.reference import check_importable, find_function

from . import process_tasks as tasks


def local() -> Any:
    def inner() -> None: ...

    return inner


@pytest.mark.parametrize("func", [tasks.add, tasks.wrapped, tasks.Holder.static, math.sqrt])
def test_a_function_at_the_top_of_a_module_is_importable(func: Any) -> None:
    check_importable(func)


@pytest.mark.parametrize(
    ("func", "words"),
    [
        (local(), r"local\.<locals>\.inner in tests\.runners\.test_reference is local"),
        (lambda: None, "is local to a function, or a lambda"),
        (functools.partial(tasks.add, 1), "has no name to import it by"),
        (tasks.Holder().method, r"Holder\.method in .* is bound to an instance"),
    ],
)
def test_a_function_without_a_place_of_its_own_is_refused(func: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words + r".*Define it at the top level of a module\."):
        check_importable(func)


def test_an_object_in_the_place_of_a_function_is_seen_through() -> None:
    assert find_function(f"{tasks.__name__}:wrapped")() == "the function"


def test_a_decorated_function_keeps_what_its_decorator_adds() -> None:
    assert find_function(f"{tasks.__name__}:decorated")() == "a decorated function"


@pytest.mark.parametrize(
    "path", ["tests.nowhere:func", f"{tasks.__name__}:nothing", "f", "a:b.<c>"]
)
def test_a_path_that_leads_nowhere_says_so(path: str) -> None:
    with pytest.raises(ImportError, match=r"is not found in a child process: .*\. Define it"):
        find_function(path)
