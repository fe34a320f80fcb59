"""From a `Config` to a ledger with its index."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from ..backends.base import BaseBackend
from ..brokers.base import BaseBroker
from ..config import BackendConfig, BrokerConfig, Config, StoreConfig
from ..exceptions import ConfigurationError
from ..serialization import ModelCodec
from .stores import Stores


class Classes(NamedTuple):
    """Dotted paths: the database's modules need Django's apps, so they are imported on demand."""

    backend: str
    broker: str


FAMILIES = {
    "memory": Classes(
        "flowrra_django.backends.memory.InMemoryBackend",
        "flowrra_django.brokers.memory.MemoryBroker",
    ),
    "database": Classes(
        "flowrra_django.backends.database.DatabaseBackend",
        "flowrra_django.brokers.database.DatabaseBroker",
    ),
}
BASES = {"backend": BaseBackend, "broker": BaseBroker}
MEMORY = BackendConfig("memory://")

_shared_memory: dict[str, Stores] = {}


def create_stores(config: Config, models: ModelCodec | None = None) -> Stores:
    """Return the pair that the config names.

    `memory://name` is one pair for the whole process; every other call makes a new one. A broker
    without a backend keeps its results in the broker's own store; without either, memory is used.
    """
    ledger = config.backend or _ledger_of(config.broker)
    index = config.broker or ledger
    if ledger.family == "memory" and ledger.name:
        if ledger.name not in _shared_memory:  # another thread may come to it first
            _shared_memory.setdefault(ledger.name, _create(ledger, index, models))
        return _shared_memory[ledger.name]
    return _create(ledger, index, models)


def _ledger_of(broker: BrokerConfig | None) -> BackendConfig:
    if broker is None:
        return MEMORY
    return BackendConfig(broker.url, namespace=broker.namespace, class_=broker.class_)


def _create(ledger: BackendConfig, index: StoreConfig, models: ModelCodec | None) -> Stores:
    backend: BaseBackend = _class_of(ledger, "backend").from_config(ledger, models)
    broker: BaseBroker = _class_of(index, "broker").from_config(index, backend)
    return Stores(backend, broker)


def _class_of(config: StoreConfig, role: str) -> Any:
    if config.class_ is not None:
        return _checked(config.class_, role)
    classes = FAMILIES.get(config.family)
    if classes is None:
        known = ", ".join(FAMILIES)
        raise ConfigurationError(
            f"No {role} for {config.scheme}:// in this version. It has: {known}."
        )
    return _imported(getattr(classes, role))


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
