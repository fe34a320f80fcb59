"""The app's one registry, config, stores and way in, as the site's settings have them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from asgiref.sync import sync_to_async
from django.apps import apps
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from .conf import load_config
from .config import Config
from .connections import fresh_connections, own_thread
from .engine.dispatch import Dispatcher
from .engine.pairs import create_stores
from .engine.stores import Stores
from .engine.wiring import Hooks
from .instances import InstanceCodec
from .registry import TaskRegistry

registry = TaskRegistry()

PRELOAD = "flowrra_django.preload"
SURROUND_CHILD = "flowrra_django.connections.fresh_child"


@lru_cache(maxsize=1)
def get_config() -> Config:
    """Return the site's config, or raise ConfigurationError."""
    return load_config()


@lru_cache(maxsize=1)
def get_stores() -> Stores:
    return create_stores(get_config(), InstanceCodec())


@lru_cache(maxsize=1)
def get_dispatcher() -> Dispatcher:
    config = get_config()
    limit = config.backend.max_payload_bytes if config.backend else None
    after_commit = partial(_after_commit, ledger_alias())
    return Dispatcher(get_stores(), max_payload_bytes=limit, after_commit=after_commit)


def stores_of(config: Config) -> Stores:
    """Return the app's stores, or others where the config names others."""
    mine = get_config()
    if (config.broker, config.backend) == (mine.broker, mine.backend):
        return get_stores()
    return create_stores(config, InstanceCodec())


def ledger_alias(config: Config | None = None) -> str:
    """Return the database whose transactions `enqueue` follows, under this or the site's config."""
    backend = (config or get_config()).backend
    if backend is not None and backend.family == "database":
        return backend.name
    return DEFAULT_DB_ALIAS


def in_transaction() -> bool:
    """Whether the calling thread is inside a transaction that `enqueue` would follow."""
    return bool(transaction.get_connection(ledger_alias()).in_atomic_block)


def missing_tables(config: Config) -> list[str]:
    """Return the tables of this app that the ledger's database does not have yet."""
    alias = ledger_alias(config)
    wanted = [model._meta.db_table for model in apps.get_app_config("flowrra_django").get_models()]
    return sorted(set(wanted) - set(connections[alias].introspection.table_names()))


def worker_hooks() -> Hooks:
    """Return what a worker does around a site's jobs."""
    return Hooks(
        surround_coroutine=own_thread,
        surround_thread=fresh_connections,
        surround_child=SURROUND_CHILD,
        call_sync=lambda func, *args: sync_to_async(func)(*args),
        preload=(PRELOAD,),
    )


def _after_commit(alias: str, push: Callable[[], None]) -> None:
    transaction.on_commit(push, using=alias, robust=True)


def _forget(*, setting: str, **_: Any) -> None:
    """Read the settings anew after a test has changed them."""
    if setting in {"FLOWRRA", "DATABASES"}:
        for cached in (get_config, get_stores, get_dispatcher):
            cached.cache_clear()


setting_changed.connect(_forget, dispatch_uid="flowrra_django.runtime")
