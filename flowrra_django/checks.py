"""System checks: what is wrong with the settings, before anything runs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, Warning as Caution, register
from django.db import DEFAULT_DB_ALIAS, connections, router

from .conf import completed, given_layer, given_settings
from .config import Config
from .rules import nearest

APP = "flowrra_django"
SQLITE_OPTIONS = """\
"OPTIONS": {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}"""


def register_checks() -> None:
    """Have Django run the checks of this module."""
    register(check_settings, Tags.compatibility)
    register(check_sqlite, Tags.compatibility)
    register(check_router, Tags.compatibility)
    register(check_layer, Tags.compatibility)


def check_settings(**_: Any) -> list[CheckMessage]:
    """Report every key of `settings.FLOWRRA` that is unknown, mistyped or out of range."""
    problems = Config.problems(given_settings())
    errors: list[CheckMessage] = [Error(text, id="flowrra_django.E001") for text in problems]
    return errors or _unknown_database() or _memory_caution()


def check_sqlite(**_: Any) -> list[CheckMessage]:
    """Warn of SQLite options with which a busy worker makes a site's transactions fail."""
    alias = _ledger_alias()
    if alias not in connections or connections[alias].vendor != "sqlite":
        return []
    options = connections[alias].settings_dict.get("OPTIONS", {})
    mode = str(options.get("transaction_mode", "")).upper()
    is_wal = "journal_mode=wal" in str(options.get("init_command", "")).lower().replace(" ", "")
    if mode in {"IMMEDIATE", "EXCLUSIVE"} and is_wal:
        return []
    return [
        Caution(
            f"DATABASES[{alias!r}] keeps background jobs in SQLite without the options "
            "under which a site and a worker can write at the same time: transactions of the site "
            'will fail with "database is locked".',
            hint=f"Write {SQLITE_OPTIONS}",
            id="flowrra_django.W001",
        )
    ]


def check_router(**_: Any) -> list[CheckMessage]:
    """Warn of a ledger in another database whose tables no router sends there, and only there."""
    alias = _ledger_alias()
    if alias not in connections or alias == DEFAULT_DB_ALIAS:
        return []
    model = apps.get_model(APP, "TaskRecord")
    is_alone = router.allow_migrate_model(alias, model) and not router.allow_migrate_model(
        DEFAULT_DB_ALIAS, model
    )
    if is_alone and router.db_for_read(model) == router.db_for_write(model) == alias:
        return []
    return [
        Caution(
            f"DATABASES[{alias!r}] keeps background jobs, and no router sends their tables there "
            "and nowhere else: 'migrate' makes unused ones in the default database, and "
            "'TaskRecord.objects' reads those.",
            hint='Write DATABASE_ROUTERS = ["flowrra_django.routers.LedgerRouter"]',
            id="flowrra_django.W003",
        )
    ]


def check_layer(**_: Any) -> list[CheckMessage]:
    """Report a channel layer whose package is missing, or that loses those who wait for long."""
    backend = str(given_layer().get("BACKEND", ""))
    if backend.startswith("channels_redis.") and find_spec("channels_redis") is None:
        problem = f"CHANNEL_LAYERS names {backend}, and channels-redis is not installed."
        hint = 'Run: pip install "flowrra-django[channels-redis]"'
        return [Error(problem, hint=hint, id="flowrra_django.E002")]
    if not backend.startswith("channels_redis.core.") or _redis_version() < (8,):
        return []
    hosts = given_layer().get("CONFIG", {}).get("hosts") or ["redis://localhost:6379"]
    if all("socket_timeout" in host for host in hosts):  # a key of a dict, or a part of a URL
        return []
    return [
        Caution(
            "The Redis channel layer waits up to 5 s for a message, and redis-py 8 breaks off "
            "after as long: those who wait for news that does not come for so long are cut off.",
            hint='Write "hosts": [{"address": "redis://…", "socket_timeout": None}]',
            id="flowrra_django.W004",
        )
    ]


def _redis_version() -> tuple[int | str, ...]:
    import redis  # noqa: PLC0415 - 8 MB and 0.1 s, which sites without Redis are spared

    return redis.VERSION


def _config() -> Config | None:
    given = given_settings()
    return None if Config.problems(given) else completed(Config.from_mapping(given))


def _ledger_alias() -> str:
    """Return the database that keeps the jobs; "" if none does, or the settings are wrong."""
    config = _config()
    backend = config.backend if config else None
    return backend.name if backend is not None and backend.family == "database" else ""


def _unknown_database() -> list[CheckMessage]:
    config = _config()
    backend = config.backend if config else None
    if backend is None or backend.family != "database" or backend.name in connections:
        return []
    problem = (
        f"FLOWRRA names {backend.url}, and DATABASES has no {backend.name!r}."
        f"{nearest(backend.name, [*connections])}"
    )
    return [Error(problem, hint=f"It has: {', '.join(connections)}.", id="flowrra_django.E001")]


def _memory_caution() -> list[CheckMessage]:
    config = _config()
    if config is None or config.backend is None or config.backend.family != "memory":
        return []
    return [
        Caution(
            "FLOWRRA keeps jobs in memory: they are lost when the process ends, and no other "
            "process sees them, so that 'runflowrra' has nothing to do.",
            hint="Leave BROKER and BACKEND out to keep them in the default database.",
            id="flowrra_django.W002",
        )
    ]
