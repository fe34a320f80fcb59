"""A progress bar. Needs rich."""

from __future__ import annotations

from typing import Self

from rich import progress as rich_progress

from .display import BaseDisplay
from .models import Progress


class Bar(BaseDisplay):
    """Draws a bar on standard output, ten times a second."""

    def __init__(self) -> None:
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("  {task.description}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeElapsedColumn(),
        )
        self._task = self._bar.add_task("collecting", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: Progress) -> None:
        doing = "collecting" if progress.found is None else "counting"
        self._bar.update(
            self._task, description=doing, total=progress.found, completed=progress.done
        )

    def say(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False)
