"""How far a census is, shown as lines. `bar` shows it in a terminal."""

from __future__ import annotations

import time
from abc import abstractmethod
from contextlib import AbstractContextManager
from importlib.util import find_spec

from django.core.management.base import OutputWrapper
from django.utils.module_loading import import_string

from .models import Progress

SECONDS_BETWEEN_LINES = 2.0


class BaseDisplay(AbstractContextManager["BaseDisplay"]):
    """Shows progress while it is entered."""

    @abstractmethod
    def show(self, progress: Progress) -> None:
        """Show how far it is. May be called often."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Print a line without garbling what is shown."""


class Lines(BaseDisplay):
    """Prints a line every few seconds, for as long as there is news."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES
        self._shown: Progress | None = None

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, progress: Progress) -> None:
        if progress == self._shown or time.monotonic() < self._next_line:
            return
        self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES
        self._shown = progress
        self.say(f"  {progress}")

    def say(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def create_display(stream: OutputWrapper) -> BaseDisplay:
    """Return a bar for a terminal, if there is one and rich is installed; else lines."""
    if stream.isatty() and find_spec("rich"):
        bar: BaseDisplay = import_string("example_project.census.bar.Bar")()
        return bar
    return Lines(stream)
