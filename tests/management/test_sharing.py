"""What the command line says of queues."""

from argparse import ArgumentTypeError

import pytest

from flowrra_django.engine.turns import Shares
from flowrra_django.exceptions import ConfigurationError
from flowrra_django.management.commands.runflowrra import Command
from flowrra_django.management.sharing import queues, shared


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], Shares()),
        (["a", "b"], Shares(queues=("a", "b"))),
        (["a=2", "b"], Shares(queues=("a", "b"), weights={"a": 2, "b": 1})),
        (["a=b"], Shares(queues=("a=b",))),
        (["a=5=1"], Shares(queues=("a=5",), weights={"a=5": 1})),
        (["a", "a"], Shares(queues=("a",))),
    ],
)
def test_queues_are_named_alone_or_with_a_weight(given, expected):
    assert shared(given, is_strict=False) == expected


@pytest.mark.parametrize("given", [["a=2", "a=3"], ["a=2", "a", "b"]])
def test_a_queue_has_one_weight(given):
    with pytest.raises(ConfigurationError, match="Queue 'a' is given twice"):
        shared(given, is_strict=False)


def test_a_strict_order_is_that_of_the_command_line():
    assert shared(["b", "a"], is_strict=True) == Shares(queues=("b", "a"), is_strict=True)


@pytest.mark.parametrize("given", ["a=0", "a=-1", "a=1.5", "a=99999", "a=1..2"])
def test_what_is_no_weight_is_refused(given):
    with pytest.raises(ConfigurationError, match="The weight of queue 'a' is a whole number"):
        shared([given], is_strict=False)


def test_queues_may_be_given_together_with_commas():
    parser = Command().create_parser("manage.py", "runflowrra")
    words = ["--queue", "mail, crm=2", "--queue", "reports"]
    assert parser.parse_args(words).queue == ["mail", "crm=2", "reports"]
    assert parser.parse_args([]).queue == []


@pytest.mark.parametrize("given", ["", "mail,", "mail,,crm"])
def test_a_queue_without_a_name_is_refused(given):
    with pytest.raises(ArgumentTypeError, match="a queue has no name"):
        queues(given)
