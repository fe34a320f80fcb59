"""The kinds of jobs that have come, as one process tells them to others: a text."""

from __future__ import annotations

from ..job import Kind
from .base import ANY_KIND, Kinds

KINDS = {kind.value: kind for kind in Kind}


def kinds_text(kinds: Kinds) -> str:
    return " ".join(sorted(kinds))


def kinds_from(text: str) -> Kinds:
    """Return the kinds; any if they are not told, or if one is not known here."""
    words = text.split()
    if not all(word in KINDS for word in words):
        return ANY_KIND
    return {KINDS[word] for word in words}
