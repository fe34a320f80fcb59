"""Task results: what became of each job. Read-only, but for Retry and Delete."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import ngettext

from .. import runtime
from ..models import TaskRecord
from ..results import FINAL
from .base import ReadOnlyAdmin

COLOURS = {
    "pending": "#6b7280",
    "running": "#2563eb",
    "retrying": "#b45309",
    "success": "#15803d",
    "failed": "#b91c1c",
    "cancelled": "#6b7280",
}


@admin.register(TaskRecord)
class TaskRecordAdmin(ReadOnlyAdmin):
    list_display = (
        "task_id",
        "status_in_colour",
        "task_name",
        "queue",
        "submitted_at",
        "started_at",
        "finished_at",
    )
    list_filter = ("status",)
    ordering = ("-id",)
    actions = ("retry",)

    @admin.display(description="status", ordering="status")
    def status_in_colour(self, record: TaskRecord) -> str:
        colour = COLOURS[record.status]
        return format_html('<b style="color: {}">{}</b>', colour, record.status)

    @admin.action(description="Retry the selected task results", permissions=["view"])
    def retry(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        """Let the final ones among the selected jobs run again."""
        final = queryset.filter(status__in=FINAL).values_list("task_id", flat=True)
        count = len(runtime.get_stores().retry(list(final)))
        told = ngettext("%d job waits again.", "%d jobs wait again.", count) % count
        self.message_user(request, told, messages.SUCCESS if count else messages.WARNING)
