"""The kinds of jobs that have come, as one process tells them to another."""

import pytest

from flowrra_django.brokers.base import ANY_KIND
from flowrra_django.brokers.hearing import kinds_from, kinds_text
from flowrra_django.job import Kind


@pytest.mark.parametrize("kinds", [set(), {Kind.IO}, set(Kind)])
def test_kinds_come_through(kinds):
    assert set(kinds_from(kinds_text(kinds))) == kinds


@pytest.mark.parametrize("text", ["", "io gpu", "nonsense", " "])
def test_what_an_older_or_newer_release_tells_may_be_of_any_kind(text):
    assert set(kinds_from(text)) == set(ANY_KIND)
