"""Task results: what became of each job. Read-only, but for Retry and Delete."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from ..models import TaskRecord
from ..results import TaskStatus, count_retries
from .detail import DetailAdmin
from .filters import FILTERS, PARAMETERS
from .newest import NewestFirst
from .pieces import badge, dotted, time_of


@admin.register(TaskRecord)
class TaskRecordAdmin(DetailAdmin):
    """The list, newest first; it can be narrowed and searched as far as the indexes reach."""

    list_display = (
        "status_in_colour",
        "task",
        "queue",
        "submitted_short",
        "waited",
        "ran",
        "retries",
    )
    list_display_links = ("task",)
    list_filter = FILTERS
    search_fields = ("task_id", "task_name")
    search_help_text = "The id of a job, or how the name of a task begins."
    ordering = ("-pk",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NewestFirst]:
        return NewestFirst

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow the filters alone: a field named in the URL might need a scan."""
        return lookup in PARAMETERS

    @admin.display(description="status")
    def status_in_colour(self, record: TaskRecord) -> SafeString:
        return badge(record.status)

    @admin.display(description="task")
    def task(self, record: TaskRecord) -> SafeString:
        return dotted(record.task_name)

    @admin.display(description="submitted")
    def submitted_short(self, record: TaskRecord) -> SafeString | None:
        return time_of(record.submitted_at)

    @admin.display(description="retries")
    def retries(self, record: TaskRecord) -> int:
        return count_retries(TaskStatus(record.status), record.failures, record.crashes)
