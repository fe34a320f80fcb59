"""Which mechanisms are a part of which engines. The switches themselves know Django."""

from __future__ import annotations

from .engines import REDIS, SQLITE, Engine

OF_DATABASES = frozenset({"claim"})
OF_REDIS = frozenset({"dead list"})
OF_SQLITE = frozenset({"patience with a lock"})
OF_AN_INDEX = frozenset({"sweeper", "take-lease"})


def is_part_of(switch: str, engine: Engine) -> bool:
    if switch in OF_DATABASES:
        return not engine.broker
    if switch in OF_REDIS:
        return engine is REDIS
    if switch in OF_SQLITE:
        return engine is SQLITE
    if switch in OF_AN_INDEX:
        return bool(engine.broker) and not engine.backend
    return True
