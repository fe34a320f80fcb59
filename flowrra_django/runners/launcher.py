"""Where CPU children come from."""

from __future__ import annotations

import multiprocessing
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from multiprocessing.context import BaseContext

from .shield import signals_held_back


class BaseLauncher(ABC):
    """Starts children. Safe to use from several threads."""

    context: BaseContext

    @abstractmethod
    def launching(self) -> AbstractContextManager[None]:
        """Start processes of `context` within this only: it shields them."""

    @property
    def generation(self) -> int:
        """Which process children are forked from; another number when that is another one."""
        return 0

    def has_lost(self, generation: int) -> bool:
        """Say whether the process that children of that generation were forked from has died."""
        return False

    def report_not_preloaded(self, modules: Sequence[str]) -> None:
        """Take note of modules that a child had to import itself."""

    def stop(self) -> None:
        """End the process that children are forked from. No child of it may be left."""


class SpawnLauncher(BaseLauncher):
    """Starts each child from nothing: slow, but to be had everywhere."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")

    def launching(self) -> AbstractContextManager[None]:
        return signals_held_back()
