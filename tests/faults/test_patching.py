"""A switch that no longer finds what it turns off says so, instead of turning off nothing."""

from __future__ import annotations

from types import ModuleType

import pytest

from .patching import NotFoundError, replace, replace_everywhere, reword, reword_scripts


class Product:
    def act(self) -> str:
        return "done"


def test_an_attribute_is_replaced_and_given_back():
    act = replace(Product, "act", lambda self: "nothing")
    assert (act(Product()), Product().act()) == ("done", "nothing")
    Product.act = act


def test_what_is_not_there_is_not_replaced():
    class Heir(Product):
        pass

    for owner, name in ((Product, "acts"), (Heir, "act")):
        with pytest.raises(NotFoundError):
            replace(owner, name, None)


def test_a_function_that_nobody_imports_is_not_replaced():
    with pytest.raises(NotFoundError):
        replace_everywhere(test_what_is_not_there_is_not_replaced, None)


def test_words_that_are_not_there_are_not_changed():
    statements = ModuleType("statements")
    statements.UPDATE = "UPDATE it WHERE held"
    reword(statements, ("UPDATE",), "held", "TRUE")
    assert statements.UPDATE == "UPDATE it WHERE TRUE"
    with pytest.raises(NotFoundError):
        reword(statements, ("UPDATE",), "held", "TRUE")
    with pytest.raises(NotFoundError):
        reword_scripts(("settle",), "no such words", "")
