"""From a `Config` to a ledger with its index."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..backends.base import BaseBackend
from ..brokers.base import BaseBroker
from ..config import BackendConfig, BrokerConfig, Config, StoreConfig
from ..exceptions import ConfigurationError
from ..serialization import ModelCodec
from .commits import AfterCommit, at_once
from .stores import Stores

# Dotted paths: the database's modules need Django's apps, so they are imported on demand.
BACKENDS = {
    "memory": "flowrra_django.backends.memory.InMemoryBackend",
    "database": "flowrra_django.backends.database.DatabaseBackend",
    "redis": "flowrra_django.backends.redis.RedisBackend",
}
BROKERS = {  # over the ledger of a family
    ("memory", "memory"): "flowrra_django.brokers.memory.MemoryBroker",
    ("database", "database"): "flowrra_django.brokers.database.DatabaseBroker",
    ("redis", "redis"): "flowrra_django.brokers.redis.RedisBroker",
    ("redis", "database"): "flowrra_django.brokers.redis.LeasingBroker",
}
BASES = {"backend": BaseBackend, "broker": BaseBroker}
MEMORY = BackendConfig("memory://")

_shared_memory: dict[str, Stores] = {}


def create_stores(
    config: Config, models: ModelCodec | None = None, after_commit: AfterCommit = at_once
) -> Stores:
    """Return the pair that the config names.

    `memory://name` is one pair for the whole process; every other call makes a new one. A broker
    without a backend keeps its results in the broker's own store; without either, memory is used.
    """
    ledger = config.backend or _ledger_of(config.broker)
    index = config.broker or ledger
    if ledger.family == "memory" and ledger.name:
        if ledger.name not in _shared_memory:  # another thread may come to it first
            _shared_memory.setdefault(ledger.name, _create(ledger, index, models, at_once))
        return _shared_memory[ledger.name]
    return _create(ledger, index, models, after_commit)


def _ledger_of(broker: BrokerConfig | None) -> BackendConfig:
    return MEMORY if broker is None else broker.as_config_of(BackendConfig)


def _create(
    ledger: BackendConfig,
    index: StoreConfig,
    models: ModelCodec | None,
    after_commit: AfterCommit,
) -> Stores:
    backend_class = _own_or(BACKENDS.get(ledger.family), ledger, "backend")
    backend: BaseBackend = backend_class.from_config(ledger, models)
    broker_class = _own_or(BROKERS.get((index.family, ledger.family)), index, "broker")
    broker: BaseBroker = broker_class.from_config(index, backend)
    return Stores(backend, broker, after_commit)


def _own_or(path: str | None, config: StoreConfig, role: str) -> Any:
    """Import the class that the config names, or else the one at the path."""
    if config.class_ is not None:
        return _checked(config.class_, role)
    if path is None:
        raise ConfigurationError(
            f"There is no {role} for {config.scheme}:// beside a backend of your own. "
            "Stores of your own go in pairs: name the class of each in its own config."
        )
    return _imported(path)


def _checked(path: str, role: str) -> Any:
    found, base = _imported(path), BASES[role]
    if isinstance(found, type) and issubclass(found, base):
        return found
    raise ConfigurationError(
        f"{path} is to be the {role}, and is no {base.__name__}. "
        "Stores of your own go in pairs: name the class of each in its own config."
    )


def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)  # type: ignore[no-any-return]
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"Cannot import {path!r}: {error}") from error
