"""A worker looks for garbage less often, unless the site has said how often."""

import gc

import pytest

from flowrra_django.management.garbage import YOUNG, look_less_often


@pytest.fixture(autouse=True)
def _as_before():
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_garbage_is_looked_for_less_often_and_not_among_what_was_there_before():
    gc.set_threshold(700, 10, 10)
    look_less_often()
    assert gc.get_threshold()[0] == YOUNG
    assert gc.get_freeze_count() > 1_000


@pytest.mark.parametrize("first", [0, YOUNG * 5])
def test_a_site_that_looks_even_less_often_or_never_keeps_that(first):
    gc.set_threshold(first, 10, 10)
    look_less_often()
    assert gc.get_threshold()[0] == first
