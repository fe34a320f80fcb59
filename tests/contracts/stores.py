"""The stores that the contract suites run over. A new one adds itself to a table here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import redis
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connections
from pytest_django import DjangoDbBlocker

from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.backends.base import BaseBackend
from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.backends.redis import RedisBackend
from flowrra_django.brokers.base import BaseBroker
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.brokers.redis import LeasingBroker, RedisBroker
from flowrra_django.engine.stores import Stores
from flowrra_django.models import MinuteStat, QueueState, TaskRecord, WorkerProcess
from tests import servers
from tests.contracts.namespace import redis_config


class Clock:
    """The time that stores go by: the real one, and as much more as a test has moved it."""

    def __init__(self) -> None:
        self._moved = 0.0

    def ahead(self) -> float:
        """Return how many seconds a test has moved it."""
        return self._moved

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
    fixture that gives access to that. `server` is the kind of server that it is on.
    `can_lose_replies`: whether a write may succeed without its worker's learning of it.
    `duplicate` is what it raises for an id that it has.
    """

    name: str
    open: Callable[[Clock], BaseBackend]
    wipe: Callable[[], None] = lambda: None
    needs: str = "clock"
    server: str = ""
    can_lose_replies: bool = True
    duplicate: type[Exception] = Exception


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An implementation of `BaseBroker` over that of a ledger.

    `wipe_index`, `needs` and `server` are of the index, where it is not on what the ledger is on.
    """

    name: str
    ledger: Ledger
    open_broker: Callable[[BaseBackend, Clock], BaseBroker]
    wipe_index: Callable[[], None] = lambda: None
    needs: str = "clock"
    server: str = ""

    def open(self, clock: Clock) -> Stores:
        backend = self.ledger.open(clock)
        return Stores(backend, self.open_broker(backend, clock))


def _open_memory(clock: Clock) -> InMemoryBackend:
    return InMemoryBackend(clock=clock.seconds)


def _open_memory_index(ledger: BaseBackend, clock: Clock) -> MemoryBroker:
    return MemoryBroker(ledger, clock=clock.seconds)


def _open_database(alias: str, clock: Clock) -> DatabaseBackend:
    backend = DatabaseBackend(alias)
    backend.engine.clock = clock.moment
    return backend


def _open_database_index(ledger: BaseBackend, clock: Clock) -> DatabaseBroker:
    assert isinstance(ledger, DatabaseBackend)
    return DatabaseBroker(ledger)


def wipe_database(alias: str = "default") -> None:
    with connections[alias].cursor() as cursor:
        for model in (TaskRecord, WorkerProcess, QueueState, MinuteStat):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")


MEMORY = Ledger(name="memory", open=_open_memory, can_lose_replies=False, duplicate=ValueError)


def _database(name: str, alias: str, server: str = "") -> Ledger:
    return Ledger(
        name=name,
        open=partial(_open_database, alias),
        wipe=partial(wipe_database, alias),
        needs="ledger_database",
        server=server,
        duplicate=IntegrityError,
    )


def _open_redis(clock: Clock) -> RedisBackend:
    return RedisBackend(redis_config(), ahead=clock.ahead)


def _open_redis_index(ledger: BaseBackend, clock: Clock) -> RedisBroker:
    assert isinstance(ledger, RedisBackend)
    return RedisBroker(ledger)


def _open_leasing_index(ledger: BaseBackend, clock: Clock) -> LeasingBroker:
    assert isinstance(ledger, DatabaseBackend)
    return LeasingBroker(redis_config(), ledger, ahead=clock.ahead)


def wipe_redis() -> None:
    config = redis_config()
    with closing(redis.Redis.from_url(config.url)) as client:
        if keys := list(client.scan_iter(f"{{{config.namespace}}}*", 1000)):
            client.unlink(*keys)


SQLITE = _database("sqlite", "default")
POSTGRESQL = _database("postgresql", "postgresql", "postgres")
MARIADB = _database("mariadb", "mariadb", "mysql")

SERVERS = ("postgresql", "mariadb")  # aliases that there are where there are servers
REDIS = Ledger(
    name="redis",
    open=_open_redis,
    wipe=wipe_redis,
    needs="ledger_redis",
    server="redis",
    duplicate=ValueError,
)
LEDGERS = (MEMORY, SQLITE, POSTGRESQL, MARIADB, REDIS)
DATABASES = tuple(
    Pair(name=ledger.name, ledger=ledger, open_broker=_open_database_index)
    for ledger in (SQLITE, POSTGRESQL, MARIADB)
)
OVER_DATABASES = tuple(
    Pair(
        name=f"redis-over-{ledger.name}",
        ledger=ledger,
        open_broker=_open_leasing_index,
        wipe_index=wipe_redis,
        needs="ledger_redis",
        server="redis",
    )
    for ledger in (SQLITE, POSTGRESQL, MARIADB)
)
PAIRS = (
    Pair(name="memory", ledger=MEMORY, open_broker=_open_memory_index),
    *DATABASES,
    Pair(name="redis", ledger=REDIS, open_broker=_open_redis_index),
    *OVER_DATABASES,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def is_there(alias: str) -> bool:
    """Whether the runner has made that database, since some test is marked to use it."""
    try:
        connections[alias].ensure_connection()
    except OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def ledger_tables(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the tables, and the databases of servers, which no test is marked to use."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        missing = [alias for alias in SERVERS if alias in connections and not is_there(alias)]
        for alias in missing:
            connections[alias].creation.create_test_db(verbosity=0, autoclobber=True)
    yield
    with django_db_blocker.unblock():
        for alias in missing:
            name = connections[alias].settings_dict["NAME"]
            connections[alias].creation.destroy_test_db(name, verbosity=0)


@pytest.fixture
def ledger_database(ledger_tables: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give access to the database with real transactions, from any thread, and leave it empty.

    Only the ledger's own tables are emptied: flushing all of them takes ten times as long.
    """
    with django_db_blocker.unblock():
        yield
        for alias in ("default", *SERVERS):
            if alias in connections:
                wipe_database(alias)
        connections.close_all()


@pytest.fixture
def ledger_redis() -> Iterator[None]:
    """Give access to an empty namespace, and leave it empty."""
    wipe_redis()
    yield
    wipe_redis()


def need(server: str) -> None:
    """Skip the test, or fail it, where there is no server of a kind."""
    if server and not servers.found(server):
        (pytest.fail if servers.is_required(server) else pytest.skip)(servers.why_not(server))


def emptied(ledger: Ledger, request: pytest.FixtureRequest) -> Ledger:
    """Return the ledger, with what it stands on in place and nothing in it."""
    need(ledger.server)
    request.getfixturevalue(ledger.needs)
    ledger.wipe()
    return ledger


@pytest.fixture(params=LEDGERS, ids=lambda ledger: ledger.name)
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """Every ledger there is, empty."""
    return emptied(request.param, request)


@pytest.fixture
def backend(ledger: Ledger, clock: Clock) -> Iterator[BaseBackend]:
    opened = ledger.open(clock)
    yield opened
    opened.close()


@pytest.fixture(params=PAIRS, ids=lambda pair: pair.name)
def pair(request: pytest.FixtureRequest) -> Pair:
    """Every pair there is, empty."""
    chosen: Pair = request.param
    emptied(chosen.ledger, request)
    need(chosen.server)
    request.getfixturevalue(chosen.needs)
    chosen.wipe_index()
    return chosen


@pytest.fixture
def stores(pair: Pair, clock: Clock) -> Iterator[Stores]:
    opened = pair.open(clock)
    yield opened
    opened.close()


@pytest.fixture
def broker(stores: Stores) -> BaseBroker:
    return stores.broker


@pytest.fixture
def worker(stores: Stores) -> None:
    """Enlist the worker `w`."""
    stores.backend.enlist(WorkerInfo(worker_id="w"))
