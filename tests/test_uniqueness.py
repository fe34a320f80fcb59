"""Wrong words for unique and expiring jobs are met by what to write instead."""

from datetime import timedelta

import pytest

from flowrra_django import flowrra_task, runtime


def pay(order_id, amount=0):
    pass


@pytest.fixture(autouse=True)
def _forget():
    yield
    runtime.registry.unregister(f"{__name__}.pay")


WRONG = {
    "unique_by='order_id'": ({"unique_by": "order_id"}, TypeError, r"write \('user_id',\)"),
    "unique_by=5": ({"unique_by": 5}, TypeError, "a tuple of names, got 5"),
    "no such parameter": (
        {"unique_by": ("order",)},
        ValueError,
        "names 'order', which is no parameter.*: order_id, amount",
    ),
    "the job itself": (
        {"unique_by": ("order_id",), "takes_job": True},
        ValueError,
        "names 'order_id', which is no parameter.*: amount",
    ),
    "both": ({"unique": True, "unique_by": ("amount",)}, ValueError, "Keep one of them"),
    "until when": ({"unique": True, "unique_until": "end"}, ValueError, "'start' or 'finish'"),
    "what then": ({"on_duplicate": "ignore"}, ValueError, "'return', 'raise', 'replace'; got"),
    "replace": (
        {"unique": True, "on_duplicate": "replace"},
        ValueError,
        "needs unique_until='start'",
    ),
    "no time": ({"expires_in": 0}, ValueError, "expires_in of task .* must be over 0, got 0"),
    "negative": ({"expires_in": -5}, ValueError, "must be over 0, got -5"),
    "negative timedelta": ({"expires_in": timedelta(-1)}, ValueError, "must be over 0"),
    "nan": ({"expires_in": float("nan")}, ValueError, "got nan"),
    "for ever": ({"expires_in": float("inf")}, ValueError, "got inf"),
    "text": ({"expires_in": "5"}, TypeError, "seconds or a timedelta, got str"),
    "bool": ({"expires_in": True}, TypeError, "seconds or a timedelta, got bool"),
}


@pytest.mark.parametrize(("options", "error", "words"), WRONG.values(), ids=WRONG)
def test_the_decorator_refuses_what_cannot_be_meant(options, error, words):
    with pytest.raises(error, match=words):
        flowrra_task(**options)(pay)


WRONG_USE = {
    "number": ({"key": 5}, TypeError, "A key is a str, got int"),
    "empty": ({"key": ""}, ValueError, "leave it out"),
    "what then": ({"key": "k", "on_duplicate": "drop"}, ValueError, "is one of"),
    "replace": ({"key": "k", "on_duplicate": "replace"}, ValueError, "unique_until='start'"),
    "negative": ({"expires_in": -1}, ValueError, "expires_in must be over 0, got -1"),
}


@pytest.mark.parametrize(("options", "error", "words"), WRONG_USE.values(), ids=WRONG_USE)
def test_using_refuses_it_too(options, error, words):
    task = flowrra_task(pay)
    with pytest.raises(error, match=words):
        task.using(**options)


@pytest.mark.parametrize("options", [{"unique": True}, {"unique_by": ("amount",)}])
def test_a_task_that_is_unique_by_itself_takes_no_key(options):
    task = flowrra_task(**options)(pay)
    with pytest.raises(ValueError, match="is unique by its arguments already"):
        task.using(key="k")
