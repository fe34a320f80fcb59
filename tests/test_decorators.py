"""`@flowrra_task`: what it takes, and what it refuses."""

from __future__ import annotations

import functools

import pytest

from flowrra_django import flowrra_task, runtime
from flowrra_django.job import Kind
from flowrra_django.registry import TaskRegistry


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Keep what the tests register out of the app's own registry."""
    monkeypatch.setattr(runtime, "registry", TaskRegistry())
    return runtime.registry


def plain(value):
    """Double a value."""
    return value * 2


async def coroutine(value):
    return value


def generator():
    yield 1


@pytest.mark.parametrize(
    ("func", "options", "kind"),
    [
        (plain, {}, Kind.THREAD),
        (coroutine, {}, Kind.IO),
        (plain, {"cpu_bound": True}, Kind.CPU),
    ],
)
def test_the_kind_of_code_decides_where_it_runs(func, options, kind, registry):
    task = flowrra_task(**options)(func)
    assert task.definition.kind is kind
    assert registry.get(task.name) is task.definition


def test_a_name_of_ones_own_is_refused_for_a_task_of_djangos():
    with pytest.raises(TypeError, match="Leave out name"):
        flowrra_task(backend="default", name="billing.double")(plain)


def test_it_is_written_with_and_without_parentheses():
    assert flowrra_task(plain).definition == flowrra_task()(plain).definition


def test_the_name_is_the_module_and_qualified_name_or_ones_own():
    def inner():
        pass

    assert flowrra_task(plain).name == f"{__name__}.plain"
    assert flowrra_task(inner).name.endswith("one's_own.<locals>.inner".replace("one's", "ones"))
    assert flowrra_task(name="billing.double")(plain).name == "billing.double"


def test_the_task_looks_like_its_function():
    task = flowrra_task(plain)
    assert (task.__doc__, task.__wrapped__, task(4)) == ("Double a value.", plain, 8)


def test_options_reach_the_registry():
    options = {
        "queue": "mail",
        "priority": -3,
        "max_retries": 5,
        "retry_delay": 0.5,
        "max_crashes": 0,
    }
    definition = flowrra_task(**options)(plain).definition
    assert {name: getattr(definition, name) for name in options} == options


def test_a_name_that_another_task_has_is_refused():
    flowrra_task(name="taken")(plain)
    with pytest.raises(ValueError, match=r"'taken' is registered already, by .*plain"):
        flowrra_task(name="taken")(coroutine)


def test_the_same_function_may_be_registered_again(registry):
    flowrra_task(plain)
    flowrra_task(plain)
    assert len(registry) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"queue": ""}, "queue name that is not empty"),
        ({"max_retries": -1}, "max_retries of task .* must be 0 or more, got -1"),
        ({"retry_delay": -0.1}, "retry_delay of task"),
        ({"max_crashes": -1}, "max_crashes of task"),
    ],
)
def test_an_option_out_of_range_is_refused(options, said, registry):
    with pytest.raises(ValueError, match=said):
        flowrra_task(**options)(plain)
    assert len(registry) == 0


@pytest.mark.parametrize(
    ("func", "options", "said"),
    [
        (generator, {}, "is a generator"),
        (coroutine, {"cpu_bound": True}, "must be a plain function"),
        (functools.partial(plain, 1), {}, "must be a function with a name"),
        (plain, {"retries": 3}, "retries"),
    ],
)
def test_what_cannot_be_run_as_asked_is_refused(func, options, said, registry):
    with pytest.raises(TypeError, match=said):
        flowrra_task(**options)(func)
    assert len(registry) == 0
