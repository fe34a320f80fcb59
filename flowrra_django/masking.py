"""What nobody is to see who looks at jobs: ●●● in place of passwords and their like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .forms import MARK
from .results import TaskResult

MASK = "●●●"
SENSITIVE_KEYS = (
    "password", "passwd", "passphrase", "secret", "token", "authorization", "api_key",
    "access_key", "private_key", "credential", "cookie",
)  # fmt: skip

NOT_COMPARED = re.compile(r"[\W_]+")
TAGGED_TEXTS = ("enum", "safe")  # a key as a ledger has it
GROUPS = (list, tuple, set, frozenset)

NamesOf = Callable[[str, int], Sequence[str]]


def no_names(task_name: str, count: int) -> Sequence[str]:
    """Say of each positional argument that its name is not known."""
    return [""] * count


@dataclass(frozen=True, slots=True)
class Masker:
    """Masks what has a name that holds one of the keys; case, `_`, `-` and spaces do not count.

    So `api_key` stands for `apiKey`, `X-API-Key` and `api_keys`. A name is a key of a mapping, the
    first of a pair, or what the function calls an argument: `names_of` tells, from the name of a
    task and a number, what so many of its positional arguments are called.
    """

    keys: Sequence[str] = SENSITIVE_KEYS
    names_of: NamesOf = no_names

    def is_sensitive(self, name: object) -> bool:
        """Whether what has this name is to be masked."""
        if not isinstance(name, str):
            return False
        plain = _plain(name)
        return any(_plain(key) in plain for key in self.keys)

    def value(self, value: Any) -> Any:
        """Return a value with what is sensitive in it masked, however deep; JSON text's, too."""
        if isinstance(value, Mapping):
            return {name: self._named(name, item) for name, item in value.items()}
        if type(value) in (list, tuple) and len(value) == 2:
            name, item = value
            return type(value)((self.value(name), self._named(name, item)))
        if type(value) in GROUPS:
            return type(value)(self.value(item) for item in value)
        return value

    def arguments(self, task_name: str, args: Iterable[Any]) -> list[Any]:
        """Return the positional arguments of a call, each masked by its name or within."""
        given = list(args)
        names = self.names_of(task_name, len(given))
        return [self._named(name, item) for name, item in zip(names, given, strict=True)]

    def result(self, result: TaskResult) -> TaskResult:
        """Return a job as others may see it."""
        return replace(
            result,
            args=tuple(self.arguments(result.task_name or "", result.args)),
            kwargs=self.value(result.kwargs),
            result=self.value(result.result),
            meta=self.value(result.meta),
        )

    def _named(self, name: object, value: Any) -> Any:
        if isinstance(name, Mapping) and name.get(MARK) in TAGGED_TEXTS:
            told = name.get("v")
            name = told[-1] if isinstance(told, list) and told else told
        return MASK if self.is_sensitive(name) else self.value(value)


def _plain(name: str) -> str:
    return NOT_COMPARED.sub("", name).casefold()
