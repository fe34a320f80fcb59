"""The engines that the fault suite runs on: a new one is a row of the table here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

from tests import names, servers
from tests.support import ROOT

from .proxy import Proxy

SETTINGS = "tests.faults.settings"
NAMES = {"postgres": "postgresql", "mysql": "mysql"}  # of Django's backends

_open = ExitStack()  # the private servers, until the end of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Where the jobs of a site are kept: by the kinds of server, as `servers` names them.

    `database` is that of the site, None for SQLite. `broker` and `backend` are those of the
    settings, "" for the database.
    """

    name: str
    database: str = ""
    broker: str = ""
    backend: str = ""

    @property
    def kinds(self) -> set[str]:
        return {self.database, self.broker, self.backend} - {""}

    def __str__(self) -> str:
        return self.name


@dataclass(slots=True)
class Ground:
    """What an engine gives a site: variables for its processes, settings, and cables to servers."""

    environment: dict[str, str]
    flowrra: dict[str, Any] = field(default_factory=dict)
    cables: dict[str, Proxy] = field(default_factory=dict)


SQLITE = Engine(name="sqlite")
POSTGRESQL = Engine(name="postgresql", database="postgres")
MARIADB = Engine(name="mariadb", database="mysql")
REDIS_OVER_POSTGRESQL = Engine(name="redis+postgresql", database="postgres", broker="redis")
REDIS = Engine(name="redis", broker="redis", backend="redis")

ENGINES = (SQLITE, POSTGRESQL, MARIADB, REDIS_OVER_POSTGRESQL, REDIS)
DATABASES = (SQLITE, POSTGRESQL, MARIADB)
LEDGERS_IN_DATABASES = (*DATABASES, REDIS_OVER_POSTGRESQL)
SERVERS = (POSTGRESQL, MARIADB, REDIS_OVER_POSTGRESQL, REDIS)


def lay(engine: Engine, folder: Path, stack: ExitStack) -> Ground:
    """Make an engine ready, and empty, for a site in a folder; NoServerError where it cannot be."""
    ground = Ground({names.VARIABLE: str(folder)})
    for kind in engine.kinds:
        server = urlsplit(private(kind).url)
        cable = ground.cables[kind] = Proxy(server.hostname or "", server.port or 0)
        stack.callback(cable.close)
    if engine.database:
        cable = ground.cables[engine.database]
        ground.environment |= _database(engine.database, private(engine.database).url, cable.port)
        migrate_once(engine.database)
    else:
        shutil.copy(_migrated_sqlite(), folder)
    stores = {"BROKER": engine.broker, "BACKEND": engine.backend}
    ground.flowrra = {
        key: {"URL": f"redis://127.0.0.1:{ground.cables[kind].port}/0", "NAMESPACE": folder.name}
        for key, kind in stores.items()
        if kind
    }
    if engine.broker and not engine.backend:
        ground.flowrra["BACKEND"] = "django://default"
    return ground


@cache
def private(kind: str) -> servers.Server:
    """Return the server of a kind that this run may kill and damage; NoServerError if none."""
    return _open.enter_context(servers.private(kind))


def close() -> None:
    """Take the private servers away."""
    _open.close()
    private.cache_clear()


def migrate(environment: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS, **environment},
        check=True,
    )


@cache
def migrate_once(kind: str) -> None:
    """Make the tables on a server, which the sites of this run use one after another."""
    url = private(kind).url
    migrate({names.VARIABLE: _scratch(), **_database(kind, url, urlsplit(url).port or 0)})


@cache
def _migrated_sqlite() -> Path:
    """Return a database file with empty tables, made once."""
    folder = _scratch()
    migrate({names.VARIABLE: folder})
    return Path(folder) / "default.sqlite3"


def _database(kind: str, url: str, port: int) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "FLOWRRA_TEST_SITE": f"{NAMES[kind]}://{parts.username}@{parts.hostname}:{port}{parts.path}"
    }


def _scratch() -> str:
    return mkdtemp(prefix="faults-", dir=names.FOLDER)
