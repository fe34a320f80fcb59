"""From a config to stores."""

import threading
import uuid

import pytest

from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.backends.redis import RedisBackend
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.brokers.redis import RedisBroker
from flowrra_django.config import BackendConfig, BrokerConfig, Config
from flowrra_django.engine import pairs
from flowrra_django.engine.pairs import create_stores
from flowrra_django.engine.store_thread import Inline, StoreThread
from flowrra_django.exceptions import ConfigurationError
from tests.executors.stores import BACKEND, BROKER, SharedBackend, SharedBroker

OWN = "tests.executors.stores"


def config_of(broker=None, backend=None):
    return Config(
        BrokerConfig(broker) if broker else None, BackendConfig(backend) if backend else None
    )


@pytest.mark.parametrize(
    "config",
    [
        config_of(),
        config_of(broker="memory://"),
        config_of(backend="memory://"),
        config_of("memory://", "memory://"),
    ],
)
def test_memory_without_a_name_is_private(config):
    one, two = create_stores(config), create_stores(config)
    assert isinstance(one.backend, InMemoryBackend)
    assert isinstance(one.broker, MemoryBroker)
    assert isinstance(one.place, Inline)
    assert one.broker.ledger is one.backend
    assert one.backend is not two.backend


def test_memory_with_a_name_is_one_pair_for_the_process():
    url = f"memory://{uuid.uuid4().hex}"
    configs = [config_of(broker=url), config_of(backend=url), config_of(url, url)]
    first, *others = map(create_stores, configs)
    assert all(stores is first for stores in others)
    assert create_stores(config_of(f"{url}x")) is not first


def test_threads_that_ask_for_the_same_memory_at_once_get_the_same(monkeypatch):
    config, meeting = config_of(f"memory://{uuid.uuid4().hex}"), threading.Barrier(4)
    create = pairs._create

    def slowly(*args):
        meeting.wait(5)
        return create(*args)

    monkeypatch.setattr(pairs, "_create", slowly)
    got = []
    threads = [threading.Thread(target=lambda: got.append(create_stores(config))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert len({id(stores) for stores in got}) == 1


@pytest.mark.parametrize(
    "config", [config_of(broker="django://default"), config_of(backend="django://default")]
)
def test_a_database_is_ledger_and_index(config):
    stores = create_stores(config)
    assert isinstance(stores.backend, DatabaseBackend)
    assert isinstance(stores.broker, DatabaseBroker)
    assert isinstance(stores.place, StoreThread)
    assert stores.broker.ledger is stores.backend


def test_the_backends_options_are_passed_on():
    stores = create_stores(Config(backend=BackendConfig("memory://", ttl=7.5)))
    assert stores.backend._ttl == 7.5


@pytest.mark.parametrize("scheme", ["redis://", "rediss://localhost:1", "unix:///nowhere"])
@pytest.mark.parametrize("role", ["broker", "backend"])
def test_redis_is_ledger_and_index(scheme, role):
    stores = create_stores(config_of(**{role: scheme}))
    assert isinstance(stores.backend, RedisBackend)
    assert isinstance(stores.broker, RedisBroker)
    assert isinstance(stores.place, StoreThread)
    assert stores.broker.ledger is stores.backend


def test_the_options_of_a_store_go_with_it_into_its_other_role():
    options = {"namespace": "shop", "max_connections": 3, "socket_timeout": 0.5}
    broker = BrokerConfig("redis://h", **options)
    assert broker.as_config_of(BackendConfig) == BackendConfig("redis://h", **options)


# Stores of one's own


def test_classes_of_ones_own_are_imported_by_their_paths():
    stores = create_stores(Config(BROKER, BACKEND))
    assert type(stores.backend) is SharedBackend
    assert type(stores.broker) is SharedBroker
    assert isinstance(stores.place, StoreThread)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (Config(backend=BACKEND), f"{OWN}.SharedBackend is to be the broker"),
        (Config(broker=BROKER), f"{OWN}.SharedBroker is to be the backend"),
        (Config(BROKER, BackendConfig("x://", class_=f"{OWN}.shared")), "is no BaseBackend"),
        (Config(BROKER, BackendConfig("x://", class_=f"{OWN}.Missing")), "Cannot import"),
        (Config(BROKER, BackendConfig("x://", class_="no.such.Module")), "Cannot import 'no.such"),
    ],
)
def test_what_cannot_be_the_store_it_is_named_as_is_refused(config, words):
    with pytest.raises(ConfigurationError, match=words):
        create_stores(config)
