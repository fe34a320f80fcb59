"""Values through the codecs: exactly there and back, or refused with a place."""

from __future__ import annotations

import inspect
import json
import math
import pickle
import re
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import SafeString, mark_safe
from hypothesis import given, settings, strategies as st

from flowrra_django.forms import LOADERS, UNSTORABLE
from flowrra_django.serialization import (
    JsonCodec,
    ObjectCodec,
    Reference,
    encode_call,
    has_references,
)
from flowrra_django.tagging import MAX_DEPTH

MODERATE = settings(max_examples=150, deadline=None)
BERLIN = ZoneInfo("Europe/Berlin")
CODEC = JsonCodec()


class Colour(Enum):
    RED = 1
    WARM = (1, Decimal("0.5"))
    NIGHT = time(23, 0)


class Size(StrEnum):
    SMALL = "s"


class Rank(IntEnum):
    FIRST = 1


class Access(Flag):
    READ = 1
    WRITE = 2


class Odd(Enum):
    NOT_EQUAL_TO_ITSELF = math.nan
    UNKNOWN = object()


class Order:
    class Status(StrEnum):
        PAID = "paid"


class Point(NamedTuple):
    x: int
    y: int


class Text(str):
    __slots__ = ()


class Count(int):
    pass


class ThirdOfAnHour(tzinfo):
    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(minutes=20)


class Row:
    """What a model instance is to a codec: something with a key that is kept elsewhere."""

    def __init__(self, pk: Any) -> None:
        self.pk = pk


class Rows:
    """A model codec over the rows of this module; only those on the shelf can be loaded."""

    def __init__(self, *rows: Row) -> None:
        self.shelf = {row.pk: row for row in rows}
        self.loads = 0

    def to_reference(self, value: Any) -> Reference | None:
        if not isinstance(value, Row):
            return None
        if value.pk is None:
            raise ValueError("this Row has not been saved.")
        return Reference("shop.row", value.pk, "default")

    def from_reference(self, reference: Reference) -> Any:
        self.loads += 1
        if not isinstance(reference.pk, Hashable) or reference.pk not in self.shelf:
            raise LookupError("there is no such row.")
        return self.shelf[reference.pk]


def exact(value: Any) -> Any:
    """Describe a value so that two descriptions are equal only if nothing at all differs."""
    return type(value), EXACT.get(type(value), lambda it: it)(value)


def exact_moment(value: datetime | time) -> Any:
    return value.replace(tzinfo=None).isoformat(), value.fold, exact(value.tzinfo)


EXACT: dict[type, Callable[[Any], Any]] = {
    int: hex,
    float: repr,
    Decimal: lambda value: repr(value.as_tuple()),
    datetime: exact_moment,
    time: exact_moment,
    timezone: lambda zone: (zone.utcoffset(None), zone.tzname(None)),
    ZoneInfo: str,
    list: lambda items: [exact(item) for item in items],
    tuple: lambda items: [exact(item) for item in items],
    set: lambda items: sorted((exact(item) for item in items), key=repr),
    frozenset: lambda items: sorted((exact(item) for item in items), key=repr),
    dict: lambda items: [(exact(key), exact(item)) for key, item in items.items()],
}


def outcome(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return call(), None
    except Exception as error:
        return None, error


def is_hashable(value: Any) -> bool:
    return outcome(lambda: hash(value))[1] is None


# The least that is a time zone file: version 1, one type of local time, UTC.
ZONE_FILE = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + bytes(6) + b"UTC\0"
ODD_TEXTS = ["!", "v", "\0", "\\u0000", "\\", "\ud800", "\ud83d\ude00", "😀", "\x1b", '"!"']
texts = st.text(st.characters(), max_size=8) | st.sampled_from(ODD_TEXTS)
offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)) | st.sampled_from(
    [timedelta(0), timedelta(microseconds=1), timedelta(seconds=-1), timedelta(hours=5, minutes=30)]
)
zones = (
    st.none()
    | st.just(UTC)
    | st.sampled_from([BERLIN, ZoneInfo("UTC"), ZoneInfo("America/St_Johns")])
    | st.builds(timezone, offsets)
    | st.builds(timezone, offsets, texts)
)
folds = st.sampled_from([0, 1])
moments = st.builds(
    lambda when, fold: when.replace(fold=fold), st.datetimes(timezones=zones), folds
)
times = st.builds(lambda when, fold: when.replace(fold=fold), st.times(timezones=zones), folds)
members = st.sampled_from([*Colour, *Size, *Rank, *Order.Status, Access.READ | Access.WRITE])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers().map(lambda value: value << 70),
    st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1]),
    st.floats(),
    texts,
    st.binary(max_size=8),
    st.decimals(),
    st.sampled_from([Decimal("-0"), Decimal("sNaN12"), Decimal("1E+999999"), Decimal("1.50")]),
    st.uuids(),
    moments,
    st.dates(),
    times,
    st.timedeltas(),
    zones,
    members,
    st.builds(mark_safe, texts),
)
keys = st.recursive(
    scalars.filter(is_hashable),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.dictionaries(texts, inner, max_size=4),
            st.dictionaries(keys, inner, max_size=4),
            st.sets(keys, max_size=4),
        ),
        max_leaves=12,
    )


values = nested(scalars | st.binary(max_size=4).map(bytearray))
strays = st.sampled_from(
    [Point(1, 2), Text("a"), Count(3), OrderedDict(a=1), object(), int, len, Odd.UNKNOWN]
) | st.builds(lambda: datetime(2026, 1, 1, tzinfo=ThirdOfAnHour()))


@MODERATE
@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    text = CODEC.encode(value)
    assert exact(CODEC.decode(text)) == exact(value)
    assert not UNSTORABLE.search(json.dumps(json.loads(text), ensure_ascii=False))
    assert "\\u0000" not in text.replace("\\\\", "")


@MODERATE
@given(nested(scalars | strays))
def test_a_value_comes_back_as_it_was_or_is_refused_with_its_place(value: Any) -> None:
    text, error = outcome(lambda: CODEC.encode(value, "kwargs['x']"))
    if error is None:
        assert exact(CODEC.decode(text)) == exact(value)
    else:
        assert type(error) is TypeError
        assert str(error).startswith("kwargs['x']")


@MODERATE
@given(st.lists(values, max_size=3), st.dictionaries(texts, values, max_size=3))
def test_a_call_comes_back_as_a_list_and_a_dict(args: list[Any], kwargs: dict[str, Any]) -> None:
    raw_args, raw_kwargs = encode_call(CODEC, tuple(args), kwargs)
    assert exact(CODEC.decode(raw_args)) == exact(args)
    assert exact(CODEC.decode(raw_kwargs)) == exact(kwargs)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, "a", None, True, 1.5], '[1,"a",null,true,1.5]'),
        ({"a": {"b": -0.0}}, '{"a":{"b":-0.0}}'),
        (Decimal("1.50"), '{"!":"Decimal","v":"1.50"}'),
        ((1, 2), '{"!":"tuple","v":[1,2]}'),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), '{"!":"datetime","v":"2026-01-31T12:00:00+00:00"}'),
        (
            datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
            '{"!":"datetime","v":["2026-10-25T02:30:00",1,{"!":"ZoneInfo","v":"Europe/Berlin"}]}',
        ),
        ({1: "one"}, '{"!":"dict","v":[[1,"one"]]}'),
        ({"!": "set", "v": []}, '{"!":"dict","v":[["!","set"],["v",[]]]}'),
        (Order.Status.PAID, f'{{"!":"enum","v":["{__name__}:Order.Status","paid"]}}'),
        (Reference("shop.row", 7, "default"), '{"!":"model","v":["shop.row",7,"default"]}'),
        (math.nan, '{"!":"float","v":"nan"}'),
        (2**64, '{"!":"int","v":"0x10000000000000000"}'),
        ("a\\\0", '{"!":"str","v":"a\\\\u005c\\\\u0000"}'),
    ],
)
def test_the_text_is_the_one_documented(value: Any, text: str) -> None:
    assert CODEC.encode(value) == text


def test_an_integer_longer_than_python_prints_comes_back() -> None:
    huge = -(10**6000) + 1
    assert CODEC.decode(CODEC.encode([huge])) == [huge]


def test_a_member_of_another_enum_class_of_the_same_name_is_refused() -> None:
    impostor = StrEnum("Size", {"SMALL": "s"}, module=__name__)
    assert impostor["SMALL"] == Size.SMALL
    with pytest.raises(TypeError, match=r"result: tests\.test_serialization\.Size is not"):
        CODEC.encode(impostor["SMALL"])


def holding_itself() -> list[Any]:
    endless: list[Any] = []
    endless.append({"again": endless})
    return endless


def in_lists(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value


FILE = BytesIO()
STRANGE_ZONE = datetime(2026, 1, 1, tzinfo=ThirdOfAnHour())
LOCAL_COLOUR = Enum("Colour", "RED", module=__name__, qualname="paint.<locals>.Colour")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (FILE, "result: _io.BytesIO"),
        ({"when": [1, (2, {FILE})]}, "result['when'][1][1]: set of _io.BytesIO"),
        ([frozenset({(1, FILE)})], "result[0]{…}[1]: _io.BytesIO"),
        ({"a": {FILE: 1}}, "result['a']: dict with a key of _io.BytesIO"),
        ({3: FILE}, "result[3]: _io.BytesIO"),
        ({(1, 2): FILE}, "result[(1, 2)]: _io.BytesIO"),
        ({"!": FILE}, "result['!']: _io.BytesIO"),
        ({Text("a"): 1}, f"result: dict with a key of {__name__}.Text"),
        ([STRANGE_ZONE], f"result[0]: datetime with a {__name__}.ThirdOfAnHour"),
        ([Odd.UNKNOWN], "result[0]: enum member with a value of object"),
    ],
)
def test_what_cannot_be_carried_is_a_type_error_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(TypeError, match=re.escape(f"{place} is not something JSON can carry. ")):
        CODEC.encode(value)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (FILE, "Pass its id, path or text instead."),
        (Path("a"), "Pass its id, path or text instead."),
        (lazystr("a"), "Pass its id, path or text instead."),
        (iter([1]), "Pass its id, path or text instead."),
        (Point(1, 2), "Pass tuple(value) instead."),
        (OrderedDict(a=1), "Pass dict(value) instead."),
        (Text("a"), "Pass str(value) instead."),
        (Count(1), "Pass int(value) instead."),
        (memoryview(b"a"), "Pass bytes(value) instead."),
        (STRANGE_ZONE, "Use a zoneinfo.ZoneInfo made from its key, or a datetime.timezone."),
        (Odd.NOT_EQUAL_TO_ITSELF, "Pass its value instead, or define its class at the top of"),
        (LOCAL_COLOUR["RED"], "Pass its value instead, or define its class at the top of"),
    ],
)
def test_what_cannot_be_carried_comes_with_a_remedy(value: Any, remedy: str) -> None:
    with pytest.raises(TypeError, match=re.escape(f" is not something JSON can carry. {remedy}")):
        CODEC.encode(value)


def test_a_zone_without_a_key_is_refused() -> None:
    with BytesIO(ZONE_FILE) as file:
        zone = ZoneInfo.from_file(file)
    with pytest.raises(TypeError, match=r"^result: datetime with a zoneinfo\.ZoneInfo is not"):
        CODEC.encode(datetime(2026, 1, 1, tzinfo=zone))


def test_the_arguments_of_a_call_have_places() -> None:
    with pytest.raises(TypeError, match=r"^args\[1\]: object is not"):
        encode_call(CODEC, (1, object()), {})
    with pytest.raises(TypeError, match=r"^kwargs\['when'\]\[2\]: set of object is not"):
        encode_call(CODEC, (), {"when": [1, 2, {object()}]})


def test_a_value_that_holds_itself_is_a_value_error_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"^kwargs\['x'\]\[0\]\['again'\].*… is nested more than"):
        encode_call(CODEC, (), {"x": holding_itself()})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda it: [it],
        lambda it: (it,),
        lambda it: frozenset({it}),
        lambda it: {"a": it},
        lambda it: {0: it},
        lambda it: {"!": it},
    ],
    ids=["list", "tuple", "frozenset", "dict", "dict of numbers", "dict like a tag"],
)
def test_any_nesting_is_carried_up_to_the_limit(wrap: Callable[[Any], Any]) -> None:
    value: Any = Decimal(1)
    for _ in range(MAX_DEPTH):
        value = wrap(value)
    assert exact(CODEC.decode(CODEC.encode(value))) == exact(value)
    with pytest.raises(ValueError, match=f"more than {MAX_DEPTH} levels deep"):
        CODEC.encode(wrap(value))


def from_a_deep_stack(call: Callable[[], Any], frames_left: int) -> Any:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return descend(call, sys.getrecursionlimit() - depth - frames_left)


def descend(call: Callable[[], Any], levels: int) -> Any:
    return descend(call, levels - 1) if levels else call()


def test_a_caller_near_the_recursion_limit_gets_a_value_error() -> None:
    value = in_lists((), MAX_DEPTH - 1)
    text = CODEC.encode(value)
    with pytest.raises(ValueError, match="nested"):
        from_a_deep_stack(lambda: CODEC.encode(value), 50)
    with pytest.raises(ValueError, match="nested"):
        from_a_deep_stack(lambda: CODEC.decode(text), 50)


def test_a_safe_string_stays_safe() -> None:
    back = CODEC.decode(CODEC.encode({"html": mark_safe("<b>\0</b>")}))
    assert type(back["html"]) is SafeString
    assert back["html"] == "<b>\0</b>"


def test_a_safe_string_needs_django_where_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    text = CODEC.encode(mark_safe("<b>"))
    monkeypatch.delitem(sys.modules, "django.utils.safestring")
    with pytest.raises(ValueError, match="this process has not imported Django"):
        CODEC.decode(text)


# Model instances


def test_a_model_instance_travels_as_a_reference_and_is_loaded_again() -> None:
    row = Row(UUID(int=7))
    codec = JsonCodec(Rows(row))
    text = codec.encode({"rows": [row, (row,)]})
    assert "shop.row" in text
    assert codec.decode(text) == {"rows": [row, (row,)]}


def test_a_row_that_is_gone_is_a_lookup_error_naming_the_reference() -> None:
    codec = JsonCodec(Rows())
    text = codec.encode([Row(7)])
    with pytest.raises(LookupError, match=r"^shop\.row:7@default cannot be loaded: there is no"):
        codec.decode(text)


def test_a_row_that_is_gone_is_shown_as_its_reference_when_not_strict() -> None:
    codec = JsonCodec(Rows(Row(1)))
    first, second = codec.decode(codec.encode((Row(1), Row(2))), strict=False)
    assert first.pk == 1
    assert str(second) == "shop.row:2@default"


def test_a_codec_without_models_keeps_references_as_they_are() -> None:
    text = JsonCodec(Rows()).encode([Row(("a", Decimal(1)))])
    shown = CODEC.decode(text, strict=False)
    assert shown == [Reference("shop.row", ("a", Decimal(1)), "default")]
    assert CODEC.encode(shown) == text
    with pytest.raises(LookupError, match="loads no model instances"):
        CODEC.decode(text)


def test_an_instance_without_a_row_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"^args\[0\]\['x'\]: this Row has not been saved"):
        encode_call(JsonCodec(Rows()), [{"x": Row(None)}], {})


def test_a_model_instance_needs_a_codec_that_knows_models() -> None:
    with pytest.raises(TypeError, match=r"Row is not something JSON can carry"):
        CODEC.encode(Row(1))


def test_what_the_database_raises_is_left_as_it_is() -> None:
    class Down(Rows):
        def from_reference(self, reference: Reference) -> Any:
            raise ConnectionError("the database is away")

    codec = JsonCodec(Down())
    for strict in (True, False):
        with pytest.raises(ConnectionError):
            codec.decode(codec.encode(Row(1)), strict=strict)


# The codecs as objects


def test_a_pickled_codec_writes_and_reads_the_same() -> None:
    row = Row(1)
    codec = JsonCodec(Rows(row))
    twin = pickle.loads(pickle.dumps(codec))
    value = {1: ["\ud800", 2**70, row]}
    assert twin.encode(value) == codec.encode(value)
    assert twin.decode(codec.encode(value))[1][2].pk == 1


def test_a_call_does_not_change_with_what_the_caller_holds() -> None:
    args, kwargs = [1], {"x": 1}
    raw_args, raw_kwargs = encode_call(ObjectCodec(), args, kwargs)
    args.clear()
    kwargs.clear()
    assert (raw_args, raw_kwargs) == ([1], {"x": 1})


def test_the_object_codec_passes_the_very_objects() -> None:
    thing = object()
    codec = ObjectCodec()
    args, kwargs = encode_call(codec, (thing,), {"x": thing})
    assert codec.decode(args)[0] is codec.decode(kwargs)["x"] is thing
    assert codec.decode(codec.encode(thing)) is thing


# What comes from a queue

JUNK = ["", "1", "nan", "0x10", "YQ==", "é", "2026-01-01", "12:00", "1E+999999999", "../UTC", "UTC",
        "a" * 300, f"{__name__}:Colour", f"{__name__}:CODEC", "builtins:eval", "os:system", "::",
        ".", "enum:Enum", "\0", "\\ud800"]  # fmt: skip
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**63),
    st.floats(allow_nan=False),
    st.sampled_from(JUNK),
)
tag_names = st.sampled_from([*LOADERS, "", "eval"]) | leaves
hostile = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["!", "v", "a"]), inner, max_size=3),
        st.builds(lambda name, v: {"!": name, "v": v}, tag_names, inner),
        st.builds(lambda name, v: {"!": name, "v": v}, tag_names, st.lists(inner, max_size=3)),
    ),
    max_leaves=10,
)


@settings(MODERATE, max_examples=400)
@given(hostile, st.booleans())
def test_whatever_tags_come_decoding_raises_a_sentence_or_nothing(raw: Any, strict: bool) -> None:
    text = json.dumps(raw)
    modules = set(sys.modules)
    _, error = outcome(lambda: JsonCodec(Rows()).decode(text, strict=strict))
    assert type(error) in (type(None), ValueError, LookupError)
    new = {name.partition(".")[0] for name in set(sys.modules) - modules}
    assert new <= {"importlib", "tzdata"}  # zoneinfo's own


@MODERATE
@given(st.text(st.characters(), max_size=20) | st.binary(max_size=5) | st.none() | st.integers())
def test_whatever_text_comes_decoding_raises_a_value_error_or_nothing(raw: Any) -> None:
    _, error = outcome(lambda: CODEC.decode(raw))
    assert type(error) in (type(None), ValueError)


@MODERATE
@given(
    hostile | st.just([{"!": "model", "v": ["shop.row", 1, "x"]}]), st.sets(st.sampled_from("!m"))
)
def test_no_instance_is_loaded_where_none_was_announced(raw: Any, escaped: set[str]) -> None:
    text = "".join(
        f"\\u{ord(letter):04x}" if letter in escaped else letter for letter in json.dumps(raw)
    )
    rows = Rows()
    outcome(lambda: JsonCodec(rows).decode(text))
    assert rows.loads == 0 or has_references(text)


def test_references_are_announced_and_plain_arguments_are_not() -> None:
    codec = JsonCodec(Rows())
    assert has_references(codec.encode([{1: Row(1)}]))
    assert not has_references(codec.encode([1, "model", {"model": "!x"}]))
    assert not has_references(codec.encode((1, Decimal(1))))
    assert not has_references([Row(1)])


def test_text_that_nests_deeper_than_python_can_follow_is_a_value_error():
    text = "[" * 900 + '{"!":"set","v":[]}' + "]" * 900
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        with pytest.raises(ValueError, match="nested too deeply"):
            JsonCodec().decode(text)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "This is not JSON"),
        ("[1,", "This is not JSON"),
        ("NaN", "This is not JSON"),
        ('"\ud800"', "This is not JSON"),
        ("[" * 2000, "This is not JSON"),
        ('{"!":"complex","v":"1j"}', "No form of this version"),
        ('{"!":["set"],"v":[]}', "No form of this version"),
        ('{"!":"set"}', "No form of this version"),
        ('{"!":"set","v":[],"w":1}', "No form of this version"),
        ('{"!":"set","v":"abc"}', "the form has no str there"),
        ('{"!":"set","v":[[]]}', "unhashable"),
        ('{"!":"dict","v":[[1,2,3]]}', "Cannot restore"),
        ('{"!":"datetime","v":"yesterday"}', "Cannot restore"),
        ('{"!":"datetime","v":["2026-01-01",0,"UTC"]}', "Cannot restore"),
        ('{"!":"timedelta","v":[1e300,0,0]}', "Cannot restore"),
        ('{"!":"Decimal","v":"ten"}', "Cannot restore"),
        ('{"!":"bytes","v":"*"}', "Cannot restore"),
        ('{"!":"ZoneInfo","v":"../../etc/passwd"}', "Cannot restore"),
        ('{"!":"model","v":[1,2,3]}', "model and alias must be text"),
        ('{"!":"enum","v":["builtins:dict",1]}', "has imported no enum class builtins:dict"),
        ('{"!":"enum","v":[7,1]}', "Cannot restore"),
        (f'{{"!":"enum","v":["{__name__}:Size","xxl"]}}', "'xxl' is not a valid Size"),
    ],
)
def test_malformed_text_is_a_value_error_with_a_sentence(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CODEC.decode(text)


def test_an_enum_class_that_is_not_imported_is_named_and_not_imported() -> None:
    assert "this" not in sys.modules
    with pytest.raises(
        ValueError, match=r"has imported no enum class this:Zen\. Import its module"
    ):
        CODEC.decode('{"!":"enum","v":["this:Zen","beautiful"]}')
    assert "this" not in sys.modules


def test_looking_for_an_enum_class_wakes_no_lazy_module(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    lazy = ModuleType("lazy_module")
    lazy.__getattr__ = asked.append  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy_module", lazy)
    with pytest.raises(ValueError, match="imported no enum class"):
        CODEC.decode('{"!":"enum","v":["lazy_module:Colour",1]}')
    assert asked == []


def test_a_number_with_a_huge_exponent_costs_nothing() -> None:
    text = '[{"!":"Decimal","v":"1E+999999999999999999"},{"!":"set","v":[1e308]}]'
    assert CODEC.decode(text)[0].adjusted() == 999999999999999999
