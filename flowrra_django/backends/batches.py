"""Many things, so many at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

BATCH = 1000  # of what stores are asked, or told, in one call

Item = TypeVar("Item")


def batches(items: Collection[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """Yield the items in their order, up to `size` of them at a time."""
    ordered = items if isinstance(items, Sequence) else list(items)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
