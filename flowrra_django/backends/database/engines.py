"""The engine of each database that Django knows."""

from __future__ import annotations

from django.db import connections

from ...exceptions import ConfigurationError
from .engine import Engine
from .mysql import MySQL
from .postgresql import PostgreSQL
from .sqlite import Sqlite

ENGINES: dict[str, type[Engine]] = {
    "sqlite": Sqlite,
    "postgresql": PostgreSQL,
    "mysql": MySQL,
}


def engine_of(alias: str) -> Engine:
    """Return the engine of a database alias, or raise ConfigurationError."""
    vendor = connections[alias].vendor
    if vendor in ENGINES:
        return ENGINES[vendor](alias)
    known = ", ".join(ENGINES)
    raise ConfigurationError(f"The ledger cannot be kept in {vendor}. It can in: {known}.")
