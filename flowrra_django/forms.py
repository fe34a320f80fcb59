"""The forms of values that JSON does not have, and the way back from them.

`serialization` says what the JSON looks like, and what is promised for any text at all.
"""

from __future__ import annotations

import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import partial
from inspect import getattr_static
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

MARK = "!"
MODEL = "model"
SAFE_STRING = "django.utils.safestring:SafeString"
UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # jsonb refuses the one, UTF-8 the others
NESTED = frozenset({list, dict})


@dataclass(frozen=True, slots=True)
class Reference:
    """A model instance by name: its "app.model", its primary key, the alias of its database."""

    model: str
    pk: Any
    alias: str

    def __str__(self) -> str:
        return f"{self.model}:{self.pk}@{self.alias}"


Load = Callable[[Reference], Any]
Shape = type | tuple[type, ...]


class Form(NamedTuple):
    """How values of one type are written down, and read where that has the right shape."""

    dump: Callable[[Any], Any]
    shape: type
    load: Callable[[Any], Any]


def restored(value: Any, load: Load) -> Any:
    """Return the value that was tagged; `load` says what stands for a reference.

    Raises ValueError for a tag that makes no sense, and whatever `load` raises.
    """
    if type(value) is list:
        return [restored(item, load) if type(item) in NESTED else item for item in value]
    if type(value) is not dict:
        return value
    if MARK in value:
        return _untagged(value, load)
    return {
        key: restored(item, load) if type(item) in NESTED else item for key, item in value.items()
    }


def path_of(kind: type) -> str:
    """Return where a class is found: `module:qualname`."""
    return f"{kind.__module__}:{kind.__qualname__}"


def _untagged(tag: dict[str, Any], load: Load) -> Any:
    name = tag[MARK]
    known = LOADERS.get(name) if isinstance(name, str) else None
    if known is None or tag.keys() != {MARK, "v"}:
        raise ValueError(f"No form of this version: {tag!r:.80}. Is another version writing here?")
    payload = restored(tag["v"], load)
    try:
        value = _read(payload, *known)
    except Exception as error:
        raise ValueError(f"Cannot restore {tag!r:.80}: {error}") from error
    return load(value) if name == MODEL else value


def _read(payload: Any, shape: Shape, build: Callable[[Any], Any]) -> Any:
    if not isinstance(payload, shape):
        raise TypeError(f"the form has no {type(payload).__name__} there.")
    return build(payload)


def _imported(path: str) -> Any:
    """Return what stands at `module:qualname` if its module is imported already, or None.

    Nothing is run for it: no lazy module attribute, no descriptor.
    """
    module, _, qualname = path.partition(":")
    found = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr_static(found, name, None)
    return found


def _enum_member(payload: list[Any]) -> Enum:
    path, value = payload
    found = _imported(path)
    if not isinstance(found, type) or not issubclass(found, Enum):
        raise TypeError(
            f"this process has imported no enum class {path}. "
            "Import its module where the tasks are defined."
        )
    return found(value)


def _safe_string(payload: str) -> Any:
    kind = _imported(SAFE_STRING)
    if kind is None:
        raise ValueError("this process has not imported Django.")
    return kind(payload)


def _reference(payload: list[Any]) -> Reference:
    model, pk, alias = payload
    if not isinstance(model, str) or not isinstance(alias, str):
        raise TypeError("model and alias must be text.")
    return Reference(model, pk, alias)


def _moment(kind: type[datetime | time], payload: str | list[Any]) -> datetime | time:
    if isinstance(payload, str):
        return kind.fromisoformat(payload)
    text, fold, zone = payload
    return kind.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _base64(value: bytes | bytearray) -> str:
    return b64encode(value).decode()


def _escaped(text: str) -> str:
    return re.sub("[\\\\\0\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


def _parts(value: timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _zone_parts(value: timezone) -> list[Any]:
    return [_parts(value.utcoffset(None)), value.tzname(None)]


def _zone(payload: list[Any]) -> timezone:
    offset, name = payload
    zone = timezone(timedelta(*offset))
    return zone if zone.tzname(None) == name else timezone(timedelta(*offset), name)


# Named after the type. Hexadecimal, because Python limits the decimal digits that it reads.
FORMS: dict[type, Form] = {
    int: Form(hex, str, partial(int, base=16)),
    float: Form(repr, str, float),
    str: Form(_escaped, str, _unescaped),
    bytes: Form(_base64, str, partial(b64decode, validate=True)),
    bytearray: Form(_base64, str, lambda text: bytearray(b64decode(text, validate=True))),
    date: Form(date.isoformat, str, date.fromisoformat),
    timedelta: Form(_parts, list, lambda parts: timedelta(*parts)),
    timezone: Form(_zone_parts, list, _zone),
    ZoneInfo: Form(str, str, ZoneInfo),
    Decimal: Form(str, str, Decimal),
    UUID: Form(str, str, UUID),
}

LOADERS: dict[str, tuple[Shape, Callable[[Any], Any]]] = {
    **{kind.__name__: (form.shape, form.load) for kind, form in FORMS.items()},
    "tuple": (list, tuple),
    "set": (list, set),
    "frozenset": (list, frozenset),
    "dict": (list, dict),
    "datetime": ((str, list), partial(_moment, datetime)),
    "time": ((str, list), partial(_moment, time)),
    "enum": (list, _enum_member),
    "safe": (str, _safe_string),
    MODEL: (list, _reference),
}
