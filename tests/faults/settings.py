"""Settings of a site that the fault suite harms: that of the other tests, and the tasks of here."""

import os
from urllib.parse import urlsplit

import pymysql

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, _sqlite

pymysql.install_as_MySQLdb()

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults"]

DATABASES = {"default": _sqlite("default.sqlite3")}

# How long a connection waits for SQLite's lock before Django says that the database is locked.
if seconds := os.environ.get("FLOWRRA_TEST_LOCK_SECONDS"):
    DATABASES["default"]["OPTIONS"]["timeout"] = float(seconds)

# The database of the site, where that is a server.
if site := os.environ.get("FLOWRRA_TEST_SITE"):
    parts = urlsplit(site)
    DATABASES["default"] = {
        "ENGINE": f"django.db.backends.{parts.scheme}",
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "NAME": parts.path.strip("/"),
    }
