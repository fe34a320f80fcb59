"""System checks: what is wrong with the settings, before anything runs."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning as Caution, register
from django.db import connections

from .conf import completed, given_settings
from .config import Config
from .rules import nearest

SQLITE_OPTIONS = """\
"OPTIONS": {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}"""


def register_checks() -> None:
    """Have Django run the checks of this module."""
    register(check_settings, Tags.compatibility)
    register(check_sqlite, Tags.compatibility)


def check_settings(**_: Any) -> list[CheckMessage]:
    """Report every key of `settings.FLOWRRA` that is unknown, mistyped or out of range."""
    problems = Config.problems(given_settings())
    errors: list[CheckMessage] = [Error(text, id="flowrra_django.E001") for text in problems]
    return errors or _unknown_database() or _memory_caution()


def check_sqlite(**_: Any) -> list[CheckMessage]:
    """Warn of SQLite options with which a busy worker makes a site's transactions fail."""
    config = _config()
    backend = config.backend if config else None
    if backend is None or backend.family != "database" or backend.name not in connections:
        return []
    if connections[backend.name].vendor != "sqlite":
        return []
    options = connections[backend.name].settings_dict.get("OPTIONS", {})
    mode = str(options.get("transaction_mode", "")).upper()
    is_wal = "journal_mode=wal" in str(options.get("init_command", "")).lower().replace(" ", "")
    if mode in {"IMMEDIATE", "EXCLUSIVE"} and is_wal:
        return []
    return [
        Caution(
            f"DATABASES[{backend.name!r}] keeps background jobs in SQLite without the options "
            "under which a site and a worker can write at the same time: transactions of the site "
            'will fail with "database is locked".',
            hint=f"Write {SQLITE_OPTIONS}",
            id="flowrra_django.W001",
        )
    ]


def _config() -> Config | None:
    given = given_settings()
    return None if Config.problems(given) else completed(Config.from_mapping(given))


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
