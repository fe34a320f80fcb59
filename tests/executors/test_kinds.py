"""What the executors share that each run one kind of code."""

import pytest

from flowrra_django.executors.kinds import REFUSALS
from flowrra_django.job import Kind
from flowrra_django.registry import TaskRegistry
from tests.contracts.executors import KINDS, STORES

REMEDIES = {
    "io": "'async def', or use a ThreadExecutor or CPUExecutor",
    "thread": "Use an IOExecutor",
    "cpu": "Use an IOExecutor",
}
PRIVATE = next(store for store in STORES if store.is_private)


def test_every_kind_of_code_has_its_refusal():
    assert set(REFUSALS) == set(Kind)
    assert {kind.name for kind in KINDS} == {kind.value for kind in Kind}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_function_of_another_kind_is_refused_by_name_and_told_where_to_go(kind):
    registry = TaskRegistry()
    with pytest.raises(TypeError, match=REMEDIES[kind.name]) as refused:
        kind.create(PRIVATE.config(), registry).task()(kind.others.add)
    assert " add " in str(refused.value)
    assert len(registry) == 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_executor_is_told_apart_by_its_class_before_it_is_made(kind):
    assert kind.create.kind.value == kind.name
    assert kind.create(PRIVATE.config(), None).kind is kind.create.kind
