"""Where tests keep things in Redis. Knows no Django, for scripts that do not either."""

from __future__ import annotations

from flowrra_django.config import BackendConfig
from tests import names, servers


def redis_config() -> BackendConfig:
    """Return a namespace of this process alone, on a server that others may use too."""
    url = servers.found("redis") or servers.Redis.local_url
    return BackendConfig(url, namespace=names.NAME, ttl=None)
