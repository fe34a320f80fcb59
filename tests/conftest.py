from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from flowrra_django import runtime
from tests.support import WorkerProcess, worker_process


@pytest.fixture(autouse=True)
def _end_the_store_thread() -> Iterator[None]:
    """Leave no connection of the app's own stores open, which would hold up a later test."""
    yield
    if runtime.get_stores.cache_info().currsize:
        runtime.get_stores().place.stop()


@pytest.fixture
def start_worker(tmp_path: Path, transactional_db: None) -> Iterator[Callable[..., WorkerProcess]]:
    """Start real worker processes on the test's database; all are stopped at the end."""
    numbers = count(1)
    with ExitStack() as stack:

        def start(*options: str, **environment: str) -> WorkerProcess:
            log = tmp_path / f"worker-{next(numbers)}.log"
            return stack.enter_context(worker_process(*options, log=log, **environment))

        yield start
