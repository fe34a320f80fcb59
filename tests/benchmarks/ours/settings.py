"""A site on the store that the benchmark names, as its settings would be in production."""

import os
from pathlib import Path
from urllib.parse import urlsplit

SECRET_KEY = "benchmark only"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STORE = os.environ.get("BENCH_STORE", "sqlite")
FOLDER = Path(os.environ.get("BENCH_FOLDER", "."))
REDIS = os.environ.get("BENCH_REDIS", "")

INSTALLED_APPS = os.environ.get("BENCH_APPS", "flowrra_django tests.benchmarks.ours").split()

SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": FOLDER / "bench.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "timeout": 20,
    },
}
_url = urlsplit(os.environ.get("BENCH_POSTGRES", ""))
POSTGRESQL = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": _url.hostname,
    "PORT": _url.port,
    "USER": _url.username,
    "NAME": _url.path.strip("/"),
    "CONN_MAX_AGE": 60,
}
DATABASES = {"default": POSTGRESQL if "postgresql" in STORE else SQLITE}

FLOWRRA = {
    "BROKER": REDIS if "redis" in STORE else "django://default",
    "BACKEND": {
        "URL": REDIS if STORE == "redis" else "django://default",
        "TTL": float(os.environ.get("BENCH_TTL", "604800")),
    },
    "EXECUTOR": {"CPU_WORKERS": 1},
}

# For the peers that are Django apps.
Q_CLUSTER = {"name": "bench", "orm": "default", "workers": 1, "recycle": 10**9, "poll": 0.2}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
