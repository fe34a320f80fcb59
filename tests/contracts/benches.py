"""The fixtures of the executors' contract suites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.executors import KINDS, STORES, Bench, Store
from tests.contracts.stores import need


@pytest.fixture(params=STORES, ids=lambda store: store.name)
def store(request: pytest.FixtureRequest) -> Store:
    """Every store there is, with what it stands on in place."""
    chosen: Store = request.param
    need(chosen.server)
    request.getfixturevalue(chosen.needs)
    return chosen


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def bench(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Iterator[Bench]:
    """Every kind of executor on every store."""
    yield Bench(request.param, store, tmp_path)
    (tmp_path / "end").touch()
