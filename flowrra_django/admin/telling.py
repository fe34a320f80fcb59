"""What the code of a job told of itself: how far it is, and lines."""

from __future__ import annotations

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..live.progress import written
from ..models import TaskRecord
from ..reports import log_from, progress_from
from .pieces import text_of


def progress_of(record: TaskRecord) -> SafeString | None:
    """Show how far the last attempt said it was; None if it did not."""
    progress = progress_from(record.progress)
    if progress is None:
        return None
    try:
        fraction = progress.fraction
        done = written(progress.done)
        total = "" if fraction is None else f" of {written(progress.total or 0)}"
    except (TypeError, ValueError):  # somebody else has written it
        return None
    bar = ""
    if fraction is not None:
        bar = format_html(
            '<progress class="flowrra-progress" max="1" value="{}" aria-label="Progress">'
            "</progress> ",
            f"{fraction:.4f}",
        )
    return format_html("{}{}{} {}", bar, done, total, progress.message)


def log_of(record: TaskRecord) -> SafeString | None:
    """Show the lines that the job left, each with its time; None without any."""
    lines = log_from(record.log)
    if not lines:
        return None
    several = any(line.attempt != lines[0].attempt for line in lines)
    return text_of(
        "\n".join(
            f"{timezone.localtime(line.at):%H:%M:%S} "
            f"{f'[attempt {line.attempt}] ' if several else ''}{line.text}"
            for line in lines
        )
    )
