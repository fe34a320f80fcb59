"""Changing the product from outside, for tests that must fail then: what is not found raises."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from flowrra_django.backends.redis import scripts


class NotFoundError(Exception):
    """The product has changed: a switch would turn off nothing."""


def replace(owner: Any, name: str, new: Any) -> Any:
    """Put something else in the place of an attribute, and return what was there."""
    if name not in vars(owner):
        raise NotFoundError(f"{owner} has no {name} of its own to be replaced.")
    old = vars(owner)[name]
    setattr(owner, name, new)
    return old


def replace_everywhere(function: Any, new: Any) -> None:
    """Put something else in the place of a function, wherever it was imported to."""
    found = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("flowrra_django.")
        and isinstance(module, ModuleType)
        and vars(module).get(function.__name__) is function
    ]
    if not found:
        raise NotFoundError(f"No module has {function.__name__}.")
    for module in found:
        setattr(module, function.__name__, new)


def reword(module: ModuleType, names: tuple[str, ...], old: str, new: str) -> None:
    """Change the text of statements, in each of which the old words must be."""
    for name in names:
        statement = getattr(module, name)
        if old not in statement:
            raise NotFoundError(f"{module.__name__}.{name} does not say {old!r}.")
        setattr(module, name, statement.replace(old, new))


def reword_scripts(names: tuple[str, ...], old: str, new: str) -> None:
    """Change the text of the Redis ledger's scripts, in each of which the old words must be."""
    text_of = scripts._text

    def reworded(package: str, name: str) -> str:
        text = text_of(package, name)
        return text.replace(old, new) if name in names else text

    for name in names:
        if old not in text_of(scripts.__package__, name):
            raise NotFoundError(f"{name}.lua does not say {old!r}.")
    scripts._text = reworded
