"""Settings of the test suite: SQLite in a file, as a production site would have it."""

import json
import os
from pathlib import Path
from tempfile import mkdtemp

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

# A folder for each run, which the processes that a test starts find through their environment.
_FOLDER = Path(os.environ.setdefault("FLOWRRA_TEST_FOLDER", mkdtemp(prefix="flowrra_tests_")))

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _FOLDER / "default.sqlite3",
        "TEST": {"NAME": _FOLDER / "default.sqlite3"},
        "CONN_MAX_AGE": 600 if os.environ.get("FLOWRRA_TEST_KEEP_CONNECTIONS") else 0,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "timeout": 20,
        },
    }
}

# What a test wants of the processes that it starts.
FLOWRRA = json.loads(os.environ.get("FLOWRRA_TEST_SETTINGS", "{}"))

# Django 6.1 asks for this; earlier ones do not know it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
