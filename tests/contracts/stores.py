"""The stores that the contract suites run over. A new one adds itself to a table here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from pytest_django import DjangoDbBlocker

from flowrra_django.backends.base import BaseBackend
from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.base import BaseBroker
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.engine.stores import Stores
from flowrra_django.models import TaskRecord, WorkerProcess


class Clock:
    """The time that stores go by: the real one, and as much more as a test has moved it."""

    def __init__(self) -> None:
        self._moved = 0.0

    def advance(self, seconds: float) -> None:
        self._moved += seconds

    def seconds(self) -> float:
        return time.monotonic() + self._moved

    def moment(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._moved)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """An implementation of `BaseBackend`.

    `open` returns one that goes by a clock, `wipe` empties what it stands on, and `needs` is the
    fixture that gives access to that. `can_lose_replies`: whether a write may succeed without its
    worker's learning of it. `duplicate` is what it raises for an id that it has.
    """

    name: str
    open: Callable[[Clock], BaseBackend]
    wipe: Callable[[], None] = lambda: None
    needs: str = "clock"
    can_lose_replies: bool = True
    duplicate: type[Exception] = Exception


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An implementation of `BaseBroker` over that of a ledger."""

    name: str
    ledger: Ledger
    open_broker: Callable[[BaseBackend, Clock], BaseBroker]

    def open(self, clock: Clock) -> Stores:
        backend = self.ledger.open(clock)
        return Stores(backend, self.open_broker(backend, clock))


def _open_memory(clock: Clock) -> InMemoryBackend:
    return InMemoryBackend(clock=clock.seconds)


def _open_memory_index(ledger: BaseBackend, clock: Clock) -> MemoryBroker:
    return MemoryBroker(ledger, clock=clock.seconds)


def _open_database(clock: Clock) -> DatabaseBackend:
    backend = DatabaseBackend("default")
    backend.engine.clock = clock.moment
    return backend


def _open_database_index(ledger: BaseBackend, clock: Clock) -> DatabaseBroker:
    assert isinstance(ledger, DatabaseBackend)
    return DatabaseBroker(ledger)


def wipe_database() -> None:
    with connection.cursor() as cursor:
        for model in (TaskRecord, WorkerProcess):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")


MEMORY = Ledger(name="memory", open=_open_memory, can_lose_replies=False, duplicate=ValueError)
SQLITE = Ledger(
    name="sqlite",
    open=_open_database,
    wipe=wipe_database,
    needs="ledger_database",
    duplicate=IntegrityError,
)

LEDGERS = (MEMORY, SQLITE)
PAIRS = (
    Pair(name="memory", ledger=MEMORY, open_broker=_open_memory_index),
    Pair(name="sqlite", ledger=SQLITE, open_broker=_open_database_index),
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def ledger_tables(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Make the tables, if no test of this run is marked as one that uses the database."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)


@pytest.fixture
def ledger_database(ledger_tables: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give access to the database with real transactions, from any thread, and leave it empty.

    Only the ledger's own tables are emptied: flushing all of them takes ten times as long.
    """
    with django_db_blocker.unblock():
        yield
        wipe_database()
        connection.close()


@pytest.fixture(params=LEDGERS, ids=lambda ledger: ledger.name)
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """Every ledger there is, empty."""
    chosen: Ledger = request.param
    request.getfixturevalue(chosen.needs)
    chosen.wipe()
    return chosen


@pytest.fixture
def backend(ledger: Ledger, clock: Clock) -> Iterator[BaseBackend]:
    opened = ledger.open(clock)
    yield opened
    opened.close()


@pytest.fixture(params=PAIRS, ids=lambda pair: pair.name)
def pair(request: pytest.FixtureRequest) -> Pair:
    """Every pair there is, empty."""
    chosen: Pair = request.param
    request.getfixturevalue(chosen.ledger.needs)
    chosen.ledger.wipe()
    return chosen


@pytest.fixture
def stores(pair: Pair, clock: Clock) -> Iterator[Stores]:
    opened = pair.open(clock)
    yield opened
    opened.close()


@pytest.fixture
def broker(stores: Stores) -> BaseBroker:
    return stores.broker
