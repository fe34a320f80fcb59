"""The app's one registry, config, stores and way in, as the site's settings have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from asgiref.sync import sync_to_async
from django.apps import apps
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from .announcing import Audience, SignalAudience, announce
from .conf import load_config
from .config import Config
from .connections import OwnThread, fresh_connections
from .engine.dispatch import Dispatcher, LateRecord
from .engine.events import Enqueued, Event, OnEvent
from .engine.hooks import Hooks
from .engine.pairs import create_stores
from .engine.stores import Stores
from .instances import InstanceCodec
from .job import Job
from .masking import Masker
from .registry import TaskRegistry
from .serialization import Codec

registry = TaskRegistry()
senders: dict[str, object] = {}
"""What a task's signals are sent by: what its decorator returned."""

PRELOAD = "flowrra_django.preload"
SURROUND_CHILD = "flowrra_django.connections.fresh_connections"


@lru_cache(maxsize=1)
def get_config() -> Config:
    """Return the site's config, or raise ConfigurationError."""
    return load_config()


@lru_cache(maxsize=1)
def get_stores() -> Stores:
    return _create_stores(get_config())


def get_codec() -> Codec:
    return get_stores().backend.codec


@lru_cache(maxsize=1)
def get_masker() -> Masker:
    """Return what masks the arguments, results and notes of jobs for those who look at them."""
    return Masker(get_config().sensitive_keys, registry.argument_names)


audiences: list[Audience] = [SignalAudience(senders, get_codec)]


@lru_cache(maxsize=1)
def get_dispatcher() -> Dispatcher:
    config = get_config()
    limit = config.backend.max_payload_bytes if config.backend else None
    after_commit = partial(_after_commit, ledger_alias())
    return Dispatcher(
        get_stores(),
        max_payload_bytes=limit,
        models=InstanceCodec(),
        after_commit=after_commit,
        on_enqueued=_tell_of_enqueued,
    )


def stores_of(config: Config) -> Stores:
    """Return the app's stores, or others where the config names others."""
    mine = get_config()
    if (config.broker, config.backend) == (mine.broker, mine.backend):
        return get_stores()
    return _create_stores(config)


def _create_stores(config: Config) -> Stores:
    alias = ledger_alias(config)
    # Not `_after_commit`, at which tests of a site may have jobs run.
    return create_stores(
        config,
        InstanceCodec(),
        lambda act: transaction.on_commit(act, using=alias, robust=True),
    )


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
    if config.backend is None or config.backend.family != "database":
        return []
    alias = ledger_alias(config)
    models = apps.get_app_config("flowrra_django").get_models()
    wanted = [model._meta.db_table for model in models if model._meta.managed]
    return sorted(set(wanted) - set(connections[alias].introspection.table_names()))


def tell(event: Event) -> None:
    """Tell the site of an event, on the calling thread."""
    if any(audience.wants(event) for audience in audiences):
        announce(audiences, event)


def worker_hooks(on_event: OnEvent | None = None) -> Hooks:
    """Return what a worker does around a site's jobs."""
    return Hooks(
        surround_coroutine=OwnThread,
        surround_thread=fresh_connections,
        surround_child=SURROUND_CHILD,
        call_sync=lambda func, *args: sync_to_async(func)(*args),
        preload=(PRELOAD,),
        on_event=on_event,
    )


def _tell_of_enqueued(jobs: Sequence[Job]) -> None:
    for job in jobs:
        tell(Enqueued(job))


def after_commit(act: Callable[[], None]) -> None:
    """Act once what the caller has written is there for others; at once outside a transaction."""
    _after_commit(ledger_alias(), act)


def _after_commit(alias: str, act: Callable[[], None]) -> None:
    """Act once the transaction is committed.

    A job that is recorded can be found without being pushed; that it could not be recorded, which
    only a ledger elsewhere puts off so long, comes out of the commit.
    """
    transaction.on_commit(act, using=alias, robust=not isinstance(act, LateRecord))


def _forget(*, setting: str, **_: Any) -> None:
    """Read the settings anew after a test has changed them."""
    if setting in {"FLOWRRA", "DATABASES"}:
        for cached in (get_config, get_stores, get_dispatcher, get_masker):
            cached.cache_clear()


setting_changed.connect(_forget, dispatch_uid="flowrra_django.runtime")
