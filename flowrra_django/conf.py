"""The only reader of Django's settings: `settings.FLOWRRA` becomes a `Config`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings

from .config import BackendConfig, BrokerConfig, Config

DEFAULT_URL = "django://default"


def given_settings() -> Any:
    """Return `settings.FLOWRRA` as it stands; an empty dict if there is none."""
    return getattr(settings, "FLOWRRA", {})


def uses_time_zones() -> bool:
    return bool(settings.USE_TZ)


def trusted_origins() -> Sequence[str]:
    """Return the origins, beside the site's own, whose pages may send what changes something."""
    origins: Sequence[str] = getattr(settings, "CSRF_TRUSTED_ORIGINS", ())
    return origins


def given_layer() -> Mapping[str, Any]:
    """Return what `settings.CHANNEL_LAYERS` says of the default one; empty if there is none."""
    layer: Mapping[str, Any] = getattr(settings, "CHANNEL_LAYERS", {}).get("default", {})
    return layer


def load_config() -> Config:
    """Return the site's config, or raise ConfigurationError with all that is wrong with it.

    A site that says nothing has everything in its default database. A broker or a backend that is
    not named is the other one's own store.
    """
    return completed(Config.from_mapping(given_settings()))


def completed(config: Config) -> Config:
    """Fill in the stores that a config does not name."""
    named = config.backend or config.broker or BackendConfig(DEFAULT_URL)
    return replace(
        config,
        backend=config.backend or named.as_config_of(BackendConfig),
        broker=config.broker or named.as_config_of(BrokerConfig),
    )
