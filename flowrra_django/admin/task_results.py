"""Task results: what became of each job. Read-only, but for Retry and Delete."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..models import TaskRecord
from ..results import TaskStatus, count_retries
from . import elsewhere
from .detail import DetailAdmin
from .filters import FILTERS, PARAMETERS
from .newest import NewestFirst
from .pieces import badge, dotted, time_of

TITLES = ("Status", "Task", "Queue", "Submitted", "Waited", "Ran", "Retries")


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
    search_help_text = (
        "The id of a job, how the name of a task begins, or a text in arguments or the error."
    )
    ordering = ("-pk",)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not elsewhere.is_elsewhere():
            return super().changelist_view(request, extra_context)
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("q", "").strip()
        if asked and elsewhere.find(asked) is not None:
            name = f"{self.admin_site.name}:flowrra_django_taskrecord_change"
            return HttpResponseRedirect(reverse(name, args=[quote(asked)]))
        context = {
            **self.admin_site.each_context(request),
            "title": "Task results",
            "opts": self.opts,
            "media": self.media,
            "titles": TITLES,
            "rows": [self._row(record) for record in elsewhere.latest()],
            "asked": asked,
        }
        return TemplateResponse(request, "admin/flowrra_django/latest.html", context)

    def _row(self, record: TaskRecord) -> dict[str, Any]:
        """Return what the list shows of a job that is in no table."""
        return {
            "task_id": record.task_id,
            "status": self.status_in_colour(record),
            "task": self.task(record),
            "queue": record.queue,
            "submitted": self.submitted_short(record) or "-",
            "waited": self.waited(record),
            "ran": self.ran(record),
            "retries": self.retries(record),
        }

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
        if record.status == TaskStatus.SUCCESS or not record.error_type:
            return dotted(record.task_name)
        kind = record.error_type.removeprefix("builtins.")
        return format_html(
            '{}<br><span class="help">{}</span>', dotted(record.task_name), dotted(kind)
        )

    @admin.display(description="submitted")
    def submitted_short(self, record: TaskRecord) -> SafeString | None:
        return time_of(record.submitted_at)

    @admin.display(description="retries")
    def retries(self, record: TaskRecord) -> int:
        return count_retries(TaskStatus(record.status), record.failures, record.crashes)
