"""Where real workers and the test that starts them may have their jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from flowrra_django import runtime
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need

DATABASES = [alias for alias in ("default", "postgresql") if alias in connections]


def redis_url() -> dict[str, str]:
    return {"URL": redis_config().url, "NAMESPACE": redis_config().namespace}


STORES = {
    "default": ("", lambda: "django://default"),
    "postgresql": ("postgres", lambda: "django://postgresql"),
    "redis": ("redis", redis_url),
}
if "postgresql" not in DATABASES:  # it is the default one in this run
    del STORES["postgresql"]


@contextmanager
def site_in(store: str, settings: Any, **executor: Any) -> Iterator[dict[str, str]]:
    """Keep the jobs in this store; give what the site's workers need in their environment."""
    server, url = STORES[store]
    need(server)
    settings.FLOWRRA = {"BACKEND": url(), "EXECUTOR": executor}
    yield {"FLOWRRA_TEST_SETTINGS": json.dumps(settings.FLOWRRA)}
    if runtime.get_stores.cache_info().currsize:
        runtime.get_stores().close()
