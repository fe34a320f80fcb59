"""What commands tell, as JSON, whatever values a job has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any


def as_json(told: Any) -> str:
    """Return JSON text. What JSON does not have is told in words: `nan`, moments, any object."""
    text = json.dumps(_plain(told), indent=2, ensure_ascii=False, default=str)
    return text.encode(errors="backslashreplace").decode()  # half of a pair, as JSON writes it


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value
