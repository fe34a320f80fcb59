from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from flowrra_django import runtime
from tests.contracts.stores import (  # noqa: F401
    clock,
    ledger_database,
    ledger_redis,
    ledger_tables,
)
from tests.support import WorkerProcess, worker_process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is about SQLite where the suite runs on another engine."""
    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        return
    for item in items:
        if item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason="It is about SQLite."))


@pytest.fixture(scope="session", autouse=True)
def _measure_no_process_of_a_test() -> None:
    """Keep from them the variable by which coverage measures workers of pytest-xdist."""
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Leave the databases the names of the settings, by which processes of a test know them."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """End what sessions threads have left, which would keep a server from dropping the database."""
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(autouse=True)
def _end_the_store_thread() -> Iterator[None]:
    """Leave no connection of the app's own stores open, which would hold up a later test."""
    yield
    if runtime.get_stores.cache_info().currsize:
        runtime.get_stores().stop()


@pytest.fixture
def start_worker(tmp_path: Path, transactional_db: None) -> Iterator[Callable[..., WorkerProcess]]:
    """Start real worker processes on the test's database; all are stopped at the end."""
    numbers = count(1)
    with ExitStack() as stack:

        def start(*options: str, **environment: str) -> WorkerProcess:
            log = tmp_path / f"worker-{next(numbers)}.log"
            return stack.enter_context(worker_process(*options, log=log, **environment))

        yield start
