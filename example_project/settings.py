"""Settings of the example: a site on one machine, for one person to look at."""

import os
import sysconfig
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# An example only: whoever reads this file knows the key, and DEBUG shows errors to everybody.
# Django serves a site with DEBUG to this machine alone, and with it the admin's style sheets.
SECRET_KEY = "known-to-everybody-for-this-is-an-example"  # noqa: S105
DEBUG = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "flowrra_django",
    "example_project.census",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("CENSUS_DATABASE", BASE_DIR / "census.sqlite3"),
        # What SQLite needs where several processes write: a transaction takes the write lock when
        # it begins, and readers are not held up by the one that writes.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "timeout": 20,
        },
    }
}

# What the site's own page counts.
CENSUS_TREE = os.environ.get("CENSUS_TREE", sysconfig.get_path("stdlib"))

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
ASGI_APPLICATION = "example_project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
USE_TZ = True
TIME_ZONE = "UTC"
