"""What a setting may hold, how settings are read, and what is said of a wrong one."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import partial
from typing import Any, ClassVar, NamedTuple, TypeVar, get_type_hints

from .exceptions import ConfigurationError

Label = Callable[..., str]  # from keys to what the user wrote: url, FLOWRRA['BROKER']['URL'], …

LONGEST_SHOWN = 100
SECRETS = (
    # all before the last @, but for the scheme and what a colon ends: a user's name
    re.compile(r"^((?:[^:/]*://)?(?:[^:@]*:)?).+(?=@)", re.DOTALL),
    # where the @ was forgotten: all after a colon that no port follows
    re.compile(r"^([^:]*:/[^:\[]*:)(?![0-9]{1,5}(?:[/?].*)?$)[^@]*$"),
    re.compile(r"(password=)[^&]+", re.IGNORECASE),
)


class Rule(NamedTuple):
    """What a field may hold: `words` for people, `types` and `fits` for values."""

    words: str
    types: tuple[type, ...]
    fits: Callable[[Any], object] = lambda _: True
    or_none: bool = False
    remedy: str = ""
    is_list: bool = False

    def allows(self, value: object) -> bool:
        if value is None or isinstance(value, bool):  # to Python a bool is an int
            return value is None and self.or_none
        return isinstance(value, self.types) and bool(self.fits(value))

    def complaint(self, label: str, value: object) -> str:
        if value is MISSING:
            return f"{label} is missing."
        words = f"{self.words} or None" if self.or_none else self.words
        return f"{label} must be {words}, got {shown(value)}.{self.remedy}"

    def parse(self, text: str) -> Any:
        """Return the value that a text stands for; the text itself if it stands for none."""
        if self.or_none and text.lower() == "none":
            return None
        if self.is_list:
            return [item for part in text.split(",") if (item := part.strip())]
        for kind in self.types:
            try:
                return kind(text)
            except ValueError:
                continue
        return text


def number(noun: str, *types: type, low: float, high: float, or_none: bool = False) -> Rule:
    words = f"{noun} from {low} to {high}"
    return Rule(words, types, lambda value: low <= value <= high, or_none)


def text(words: str, pattern: str, *, or_none: bool = False) -> Rule:
    return Rule(words, (str,), re.compile(pattern).fullmatch, or_none)


def names(words: str) -> Rule:
    """Return the rule of a list of texts, none of them empty; in a text it has commas."""
    return Rule(words, (list, tuple), lambda value: all(map(_is_name, value)), is_list=True)


def part(kind: type[Part], *, or_none: bool = False) -> Rule:
    remedy = f" from_mapping() also takes {kind.written_as}."
    return Rule(f"{kind.__name__}(…)", (kind,), or_none=or_none, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Part(ABC):
    """A group of settings, each annotated with its rule.

    Making one raises ConfigurationError with all that is wrong in it.
    """

    written_as: ClassVar[str] = "a dict"

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        checked(self, self.complaints(given, str))

    @classmethod
    def complaints(cls, given: Mapping[str, Any], label: Label) -> list[str]:
        """Return what is wrong with these values by field; `label` puts a field into words."""
        values = {f.name: f.default for f in fields(cls)} | dict(given)
        rules = rules_of(cls).items()
        wrong = [r.complaint(label(n), values[n]) for n, r in rules if not r.allows(values[n])]
        return wrong or list(cls.conflicts(values, label))

    @classmethod
    @abstractmethod
    def conflicts(cls, values: Mapping[str, Any], label: Label) -> Iterator[str]:
        """Yield what is wrong between values each of which is right by itself."""

    @classmethod
    def unfolded(cls, given: Any) -> Any:
        """Return the mapping that a short form stands for; anything else as it is."""
        return given


def _is_name(value: object) -> bool:
    return isinstance(value, str) and any(map(str.isalnum, value))


AnyPart = TypeVar("AnyPart", bound=Part)


def rules_of(kind: type[Part]) -> dict[str, Rule]:
    """Return the rule of each field."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(kind)}


def read(kind: type[AnyPart], given: Any, label: Label) -> tuple[AnyPart | None, list[str]]:
    """Make a part, and the parts within it, from a mapping with upper-case keys.

    Returns the part, or None and all that is wrong. `label` puts a path of keys into words.
    """
    mapping = kind.unfolded(given)
    if not isinstance(mapping, Mapping):
        return None, [f"{label()} must be {kind.written_as}, got {shown(given)}."]
    rules = rules_of(kind)
    names = {key_of(name): name for name in rules}
    problems = [unknown(label(key), key, names) for key in mapping if key not in names]
    values: dict[str, Any] = {}
    for key, name in names.items():
        if key in mapping:
            value, found = _value(rules[name], mapping[key], partial(label, key))
            problems += found
            if not found:
                values[name] = value
    problems += kind.complaints(values, lambda name: label(key_of(name)))
    return (None, problems) if problems else (kind(**values), [])


def _value(rule: Rule, given: Any, label: Label) -> tuple[Any, list[str]]:
    kind = rule.types[0]
    if not issubclass(kind, Part) or (given is None and rule.or_none):
        return given, []
    return read(kind, given, label)


def key_of(field_name: str) -> str:
    """Return the key in settings and environment of a field: `class_` is CLASS."""
    return field_name.rstrip("_").upper()


def checked(made: AnyPart | None, problems: list[str]) -> AnyPart:
    """Return the part, or raise ConfigurationError with its problems, one to a line."""
    if made is None or problems:
        raise ConfigurationError("\n".join(problems))
    return made


def unknown(label: str, word: object, known: Collection[str]) -> str:
    """Say that there is no such setting, and which was meant."""
    hint = nearest(word, known) or f" Known are {', '.join(known)}."
    return f"{label} is not a setting.{hint}"


def nearest(word: object, known: Collection[str]) -> str:
    """Return a sentence with the known word that is most like this one, or nothing."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(str(word).lower(), by_lower, n=1, cutoff=0.5)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


def shown(value: object) -> str:
    """Return a value as an error may show it: short, and without a password."""
    if not isinstance(value, str | int | float | None):
        return f"a value of type {type(value).__name__}"
    words = repr(masked(value) if isinstance(value, str) else value)
    return words if len(words) <= LONGEST_SHOWN else f"{words[: LONGEST_SHOWN - 1]}…"


def masked(url: str) -> str:
    """Return a URL, even a malformed one, with *** for the password."""
    for secret in SECRETS:
        url = secret.sub(r"\1***", url)
    return url
