"""Settings as `startproject` has them, in short; the tests' databases are in memory."""

import os

SECRET_KEY = "tests only"
USE_TZ = True
ROOT_URLCONF = "mysite.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["flowrra_django", "shop"]
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{alias}.sqlite3"}
    for alias in ("default", "jobs")
}

# Where the jobs are kept, and whose commits they follow; the suite has to pass wherever that is.
LEDGER = os.environ.get("SHOP_LEDGER", "django://default")
JOBS_FOLLOW = "jobs" if LEDGER == "django://jobs" else "default"
FLOWRRA = {"BACKEND": {"URL": LEDGER}}

# Django 6.1 asks for this; earlier ones do not know it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
