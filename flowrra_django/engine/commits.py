"""When what a caller has written is there for others."""

from __future__ import annotations

from collections.abc import Callable

AfterCommit = Callable[[Callable[[], None]], None]
"""Calls what it is given once that is so."""


def at_once(act: Callable[[], None]) -> None:
    """Act now, as after a write outside of transactions."""
    act()
