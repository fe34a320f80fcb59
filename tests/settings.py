"""Settings of the test suite: SQLite in a file, as a production site would have it."""

import json
import os
from importlib.util import find_spec
from urllib.parse import urlsplit

import django
import pymysql

from tests import names, servers

SECRET_KEY = "tests only"
USE_TZ = True
TIME_ZONE = "Europe/Vienna"
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "flowrra_django",
    "tests.testapp",
]

HAS_TASKS = django.VERSION >= (6, 0)
HAS_PACKAGE = find_spec("django_tasks") is not None
if HAS_PACKAGE:
    INSTALLED_APPS.insert(-1, "django_tasks")

_BACKENDS = "flowrra_django.tasks_backend"
TASKS = {
    "default": {"BACKEND": f"{_BACKENDS}.FlowrraBackend", "QUEUES": ["default", "mail"]},
    "any": {"BACKEND": f"{_BACKENDS}.FlowrraBackend", "QUEUES": []},
}
if HAS_TASKS:
    TASKS["immediate"] = {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}
elif HAS_PACKAGE:
    TASKS["immediate"] = {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}
if HAS_PACKAGE:
    TASKS["package"] = {"BACKEND": f"{_BACKENDS}.PackageBackend"}

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _sqlite(name):
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": names.FOLDER / name,
        "TEST": {"NAME": names.FOLDER / name},
        "CONN_MAX_AGE": 600 if os.environ.get("FLOWRRA_TEST_KEEP_CONNECTIONS") else 0,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "timeout": 20,
        },
    }


DATABASES = {"default": _sqlite("default.sqlite3"), "ledger": _sqlite("ledger.sqlite3")}


def _server(engine, url, **options):
    """A database of this process alone, on a server that others may use too."""
    parts = urlsplit(url)
    return {
        "ENGINE": f"django.db.backends.{engine}",
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username,
        "PASSWORD": parts.password or "",
        "NAME": names.NAME,
        "TEST": {"NAME": names.NAME},
        "OPTIONS": options,
    }


if _url := servers.found("postgres"):
    DATABASES["postgresql"] = _server("postgresql", _url, options="-c synchronous_commit=off")

if _url := servers.found("mysql"):
    # mysqlclient would have to be compiled, for which not every machine has the headers.
    pymysql.install_as_MySQLdb()
    DATABASES["mariadb"] = _server("mysql", _url)

# The whole suite on another engine: what is about SQLite alone fails then.
if _default := os.environ.get("FLOWRRA_TEST_DEFAULT"):
    DATABASES["default"] = DATABASES.pop(_default)

# What a test wants of the processes that it starts.
FLOWRRA = json.loads(os.environ.get("FLOWRRA_TEST_SETTINGS", "{}"))

CHANNEL_LAYERS = json.loads(os.environ.get("FLOWRRA_TEST_CHANNEL_LAYERS", "{}"))

# Django 6.1 asks for this; earlier ones do not know it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
