"""The key of a call: the same for the same arguments in whichever words, and for no others."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from flowrra_django.engine.keys import key_of
from flowrra_django.job import UNTIL_START, Kind
from flowrra_django.registry import Task
from flowrra_django.serialization import JsonCodec
from tests.support import ROOT


def func(a, b=2, *rest, c=None, **others):
    pass


def with_job(job, a):
    pass


def task(function=func, **options):
    given = {"name": "shop.pay", "kind": Kind.THREAD, "unique": not options.get("unique_by")}
    return Task(func=function, **{**given, **options})


def key(*args, of=None, by_key=None, **kwargs):
    return key_of(of or task(), args, kwargs, by_key, JsonCodec())


def test_a_task_that_is_not_unique_has_no_key_unless_one_is_given():
    plain = task(unique=False)
    assert key(1, of=plain) is None
    assert key(1, of=plain, by_key="k") == key(2, of=plain, by_key="k")


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((1,), {}),
        ((1, 2), {}),
        ((), {"b": 2, "a": 1}),
        ((1,), {"c": None}),
    ],
)
def test_one_call_has_one_key_in_whichever_words(args, kwargs):
    assert key(*args, **kwargs) == key(1)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((2,), {}),
        (("1",), {}),
        ((1.0,), {}),
        ((Decimal(1),), {}),
        ((True,), {}),
        (([1],), {}),
        (((1,),), {}),
        ((1, 3), {}),
        ((1, 2, 3), {}),
        ((1,), {"c": 1}),
        ((1,), {"d": 1}),
    ],
)
def test_another_call_has_another_key(args, kwargs):
    assert key(*args, **kwargs) != key(1)


def test_what_has_no_order_is_the_same_in_any():
    one = {"x": {1, 2, "three"}, "y": {(1, 2): "a", (3, 4): "b"}, "z": [{"p": 1, "q": 2}]}
    other = {"z": [{"q": 2, "p": 1}], "y": {(3, 4): "b", (1, 2): "a"}, "x": {"three", 2, 1}}
    assert key(one) == key(other)
    assert key([1, 2]) != key([2, 1])
    assert key({"!": "set", "v": [2, 1]}) != key({"!": "set", "v": [1, 2]})


def test_a_set_has_the_same_key_in_every_process():
    code = (
        "from tests.engine.test_keys import key; "
        "print(key({'a', 'b', 'c', 'd', 'e'}, c=frozenset('xyz')))"
    )
    here = key({"a", "b", "c", "d", "e"}, c=frozenset("xyz"))
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == here


def test_only_the_parameters_that_were_named_count():
    by_b = task(unique_by=("b",))
    assert key(1, of=by_b) == key(9, of=by_b) == key(9, 2, 5, of=by_b, c=7)
    assert key(1, 3, of=by_b) != key(1, of=by_b)


def test_a_function_that_takes_its_job_is_unique_by_the_rest():
    taking = task(with_job, takes_job=True)
    assert key(1, of=taking) == key(a=1, of=taking)
    assert key(1, of=task(with_job, takes_job=True, unique_by=("a",)))


def test_two_tasks_share_no_key_nor_does_a_given_one_equal_one_by_arguments():
    other = task(name="shop.other")
    plain, other_plain = task(unique=False), task(name="shop.other", unique=False)
    keys = [key(1), key(1, of=other), key(of=plain, by_key="k"), key(of=other_plain, by_key="k")]
    assert len(set(keys)) == 4


def test_a_key_is_short_whatever_it_is_made_of():
    for made in (key("x" * 10**5), key(1, of=task(unique=False), by_key="\ud800\0" * 10**4)):
        assert len(made) == 64
    started = key(1, of=task(unique_until="start"))
    assert started.startswith(UNTIL_START)
    assert len(started) < 255


def test_a_call_that_the_function_does_not_take_is_refused():
    with pytest.raises(TypeError, match=r"'shop.pay' cannot be called like this: missing.*'a'"):
        key(b=1)


def test_what_json_does_not_carry_is_refused_by_its_place():
    with pytest.raises(TypeError, match=r"unique task 'shop.pay'\['a'\]"):
        key(object())


def test_moments_are_what_they_say():
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert key(moment) == key(datetime(2026, 1, 1, tzinfo=UTC))
