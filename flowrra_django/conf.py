"""The only reader of Django's settings: `settings.FLOWRRA` becomes a `Config`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings

from .config import BackendConfig, BrokerConfig, Config

DEFAULT_URL = "django://default"


def given_settings() -> Any:
    """Return `settings.FLOWRRA` as it stands; an empty dict if there is none."""
    return getattr(settings, "FLOWRRA", {})


def load_config() -> Config:
    """Return the site's config, or raise ConfigurationError with all that is wrong with it.

    A site that says nothing has everything in its default database. A broker that is not named
    is the backend's own store.
    """
    return completed(Config.from_mapping(given_settings()))


def completed(config: Config) -> Config:
    """Fill in the stores that a config does not name."""
    if config.broker is not None:
        return config
    backend = config.backend or BackendConfig(DEFAULT_URL)
    broker = BrokerConfig(backend.url, namespace=backend.namespace, class_=backend.class_)
    return replace(config, backend=backend, broker=broker)
