"""How a job stands with the workers: which one has it, or why none begins it."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from .. import runtime
from ..models import TaskRecord
from ..results import WAITING
from .elsewhere import is_elsewhere
from .moments import aware, now
from .page import current_site


def why_waits(record: TaskRecord) -> str:
    """Say why no worker begins a job that waits; nothing where one would, or where it is over."""
    if record.status not in WAITING:
        return ""
    unknown = "" if record.task_name in runtime.registry else "This site knows no such task."
    is_due = not record.due_at or aware(record.due_at) <= now()
    return " ".join(
        filter(None, [current_site().obstacle(record.queue) if is_due else "", unknown])
    )


def worker_of(record: TaskRecord, site: str) -> str:
    """Show who runs a job, or was the last to, and whether that worker is still up."""
    if not record.worker:
        return ""
    beats = runtime.get_stores().backend.beats()
    up = [beat.worker for beat in beats if beat.worker.worker_id == record.worker]
    name = f"{up[0].host}:{up[0].pid}" if up else "not up any more"
    if is_elsewhere():
        return f"{record.worker} ({name})"
    others = reverse(f"{site}:flowrra_django_taskrecord_changelist")
    query = urlencode({"worker": record.worker})
    return format_html('<a href="{}?{}">{}</a> ({})', others, query, record.worker, name)
