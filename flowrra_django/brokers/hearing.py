"""The kinds of jobs that have come, as one process tells them to others: a text."""

from __future__ import annotations

from ..job import Kind
from .base import ANY_KIND, Kinds


def kinds_text(kinds: Kinds) -> str:
    return " ".join(sorted(kinds))


def kinds_from(text: str) -> Kinds:
    """Return the kinds; any if they are not told, or if one is not known here."""
    try:
        return {Kind(word) for word in text.split()}
    except ValueError:
        return ANY_KIND
