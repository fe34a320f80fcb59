"""The walk that puts a tag where orjson would refuse a value or change it, or says why it cannot.

`serialization` says what the JSON looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from .forms import FORMS, MARK, MODEL, SAFE_STRING, UNSTORABLE, Reference, path_of, restored

MINUTE = timedelta(minutes=1)
MAX_DEPTH = 80  # levels of a value; each takes up to three in JSON, and orjson writes 253

QUICK = frozenset({type(None), bool, int, str})
CAREFUL = frozenset({type(None), bool})

Place = tuple[Any, Any, int]  # the place around (None: there is none), the step from it, the depth
ToReference = Callable[[Any], Reference | None]


class _Within(str):
    """A step that has no index or key of its own, in words."""

    __slots__ = ()


class Tagger:
    """Turns values into what orjson writes and reads unchanged.

    Values of `plain` types pass unseen: QUICK leaves it to the caller to find integers, texts and
    keys that orjson refuses, CAREFUL nothing. Raises TypeError or ValueError naming the place.
    """

    def __init__(self, plain: frozenset[type], to_reference: ToReference) -> None:
        self.plain = plain
        self.to_reference = to_reference

    def __call__(self, value: Any, place: Place) -> Any:
        kind = type(value)
        if kind in self.plain:
            return value
        return TAGGERS.get(kind, _tag_other)(self, value, place)


def too_deep(place: Place) -> ValueError:
    """Return the error for a value with too many levels, endless ones among them."""
    path, _ = _described(place)
    return ValueError(
        f"{path} is nested more than {MAX_DEPTH} levels deep, or holds itself. "
        "Pass a flatter value instead."
    )


def _refusal(value: Any, place: Place) -> TypeError:
    kind = type(value)
    path, within = _described(place)
    name = kind.__qualname__ if kind.__module__ == "builtins" else path_of(kind).replace(":", ".")
    remedy = next((words for base, words in REMEDIES if issubclass(kind, base)), ANY_REMEDY)
    return TypeError(f"{path}: {within}{name} is not something JSON can carry. {remedy}")


def _described(place: Place) -> tuple[str, str]:
    """Return the path to a place, and the words for the rest of the way that has no path."""
    steps: list[Any] = []
    around, step, _ = place
    while around is not None:
        steps.insert(0, step)
        around, step, _ = around
    within = ""
    while steps and isinstance(steps[-1], _Within):
        within = steps.pop() + within
    parts = ["{…}" if isinstance(step, _Within) else f"[{step!r:.60}]" for step in steps]
    return step + "".join(parts[:12]) + "…" * (len(parts) > 12), within


def _below(place: Place) -> int:
    """Return the depth of what the container at a place holds."""
    depth = place[2] + 1
    if depth > MAX_DEPTH:
        raise too_deep(place)
    return depth


def _tag_list(tag: Tagger, value: list[Any], place: Place) -> list[Any]:
    plain, depth = tag.plain, _below(place)
    if plain.issuperset(map(type, value)):
        return value
    return [
        item if type(item) in plain else tag(item, (place, index, depth))
        for index, item in enumerate(value)
    ]


def _tag_tuple(tag: Tagger, value: tuple[Any, ...], place: Place) -> Any:
    return {MARK: "tuple", "v": _tag_list(tag, [*value], place)}


def _tag_set(tag: Tagger, value: set[Any] | frozenset[Any], place: Place) -> Any:
    name = type(value).__name__
    within = (place, _Within(f"{name} of "), _below(place))
    return {MARK: name, "v": [tag(item, within) for item in value]}


def _tag_dict(tag: Tagger, value: dict[Any, Any], place: Place) -> Any:
    if MARK in value or not (str in tag.plain or all(map(_is_plain_key, value))):
        return _tag_pairs(tag, value, place)
    plain, depth = tag.plain, _below(place)
    if plain.issuperset(map(type, value.values())):
        return value
    return {
        key: item if type(item) in plain else tag(item, (place, key, depth))
        for key, item in value.items()
    }


def _tag_pairs(tag: Tagger, value: dict[Any, Any], place: Place) -> Any:
    depth = _below(place)
    within = (place, _Within("dict with a key of "), depth)
    pairs = [[tag(key, within), tag(item, (place, key, depth))] for key, item in value.items()]
    return {MARK: "dict", "v": pairs}


def _is_plain_key(key: Any) -> bool:
    return type(key) is str and UNSTORABLE.search(key) is None


def _tag_form(tag: Tagger, value: Any, place: Place) -> Any:
    kind = type(value)
    return {MARK: kind.__name__, "v": tag(FORMS[kind].dump(value), place)}


def _tag_int(tag: Tagger, value: int, place: Place) -> Any:
    return value if -(2**63) <= value < 2**64 else _tag_form(tag, value, place)


def _tag_float(tag: Tagger, value: float, place: Place) -> Any:
    return value if isfinite(value) else _tag_form(tag, value, place)


def _tag_str(tag: Tagger, value: str, place: Place) -> Any:
    return value if UNSTORABLE.search(value) is None else _tag_form(tag, value, place)


def _tag_zone(tag: Tagger, value: ZoneInfo, place: Place) -> Any:
    if value.key is None:
        raise _refusal(value, place)
    return _tag_form(tag, value, place)


def _tag_moment(tag: Tagger, value: datetime | time, place: Place) -> Any:
    name, zone = type(value).__name__, value.tzinfo
    if value.fold == 0 and _is_told_by_iso(zone):
        return {MARK: name, "v": value.isoformat()}
    within = (place, _Within(f"{name} with a "), _below(place))
    text = value.replace(tzinfo=None, fold=0).isoformat()
    return {MARK: name, "v": [text, value.fold, tag(zone, within)]}


def _is_told_by_iso(zone: tzinfo | None) -> bool:
    if zone is None or zone is UTC:
        return True
    if type(zone) is not timezone:
        return False
    offset = zone.utcoffset(None)
    if offset % MINUTE:  # CPython 3.11 reads offsets under a second as UTC
        return False
    return zone.tzname(None) == timezone(offset).tzname(None)


def _tag_reference(tag: Tagger, value: Reference, place: Place) -> Any:
    return {MARK: MODEL, "v": _tag_list(tag, [value.model, value.pk, value.alias], place)}


def _tag_enum(tag: Tagger, member: Enum, place: Place) -> Any:
    within = (place, _Within("enum member with a value of "), _below(place))
    tagged = {MARK: "enum", "v": [path_of(type(member)), tag(member.value, within)]}
    try:
        found = restored(tagged, lambda reference: reference)
    except ValueError:
        found = None
    if found is not member:
        raise _refusal(member, place)
    return tagged


def _tag_other(tag: Tagger, value: Any, place: Place) -> Any:
    kind = type(value)
    if issubclass(kind, Enum):
        return _tag_enum(tag, value, place)
    if path_of(kind) == SAFE_STRING:
        return {MARK: "safe", "v": tag(value + "", place)}
    try:
        reference = tag.to_reference(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{_described(place)[0]}: {error}") from error
    if reference is None:
        raise _refusal(value, place)
    return _tag_reference(tag, reference, place)


TAGGERS: dict[type, Callable[[Tagger, Any, Place], Any]] = {
    **dict.fromkeys(FORMS, _tag_form),
    int: _tag_int,
    float: _tag_float,
    str: _tag_str,
    list: _tag_list,
    tuple: _tag_tuple,
    set: _tag_set,
    frozenset: _tag_set,
    dict: _tag_dict,
    datetime: _tag_moment,
    time: _tag_moment,
    ZoneInfo: _tag_zone,
    Reference: _tag_reference,
}

BASES = (int, float, str, bytes, bytearray, list, tuple, set, frozenset, dict, Decimal)
ANY_REMEDY = "Pass its id, path or text instead."
REMEDIES: tuple[tuple[type, str], ...] = (
    (Enum, "Pass its value instead, or define its class at the top of a module."),
    *((kind, f"Pass {kind.__name__}(value) instead.") for kind in BASES),
    (memoryview, "Pass bytes(value) instead."),
    (date, "Pass a plain date or datetime instead."),
    (tzinfo, "Use a zoneinfo.ZoneInfo made from its key, or a datetime.timezone."),
)
