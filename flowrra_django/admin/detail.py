"""The page of one job, in the order in which a person on call asks."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..job import NO_HISTORY
from ..models import TaskRecord
from ..results import FINAL, TaskStatus
from .attempts import attempts_of
from .changing import ChangingAdmin
from .pieces import badge, json_of, text_of, time_in_full
from .timing import ran, waited
from .words import now

NOTHING = "-"
CALLED = ("task_name", "arguments", "keyword_arguments")
WHERE = (
    "task_id",
    ("queue", "kind", "priority"),
    "worker",
    ("attempts", "failures", "crashes", "claim"),
)


class DetailAdmin(ChangingAdmin):
    """Shows all that a record holds, and of what it does not hold, nothing."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        sections = {
            "What happened": _happened(obj),
            "What was called": CALLED,
            "Result": () if obj.result is None else ("returned",),
            "Times": _times(obj),
            "Where": WHERE,
        }
        return [(title, {"fields": fields}) for title, fields in sections.items() if fields]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: TaskRecord | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["can_retry"] = obj.status in FINAL and self.has_retry_permission(request)
            context["show_delete"] = obj.status != TaskStatus.RUNNING
        return super().render_change_form(request, context, add, change, form_url, obj)

    # What happened

    @admin.display(description="status")
    def state(self, record: TaskRecord) -> SafeString:
        asked = " It was asked to be cancelled." if record.cancel_requested else ""
        return format_html("{}{}", badge(record.status), asked)

    @admin.display(description="error")
    def problem(self, record: TaskRecord) -> SafeString:
        return format_html("<b>{}</b>{}", record.error_type, text_of(record.error))

    @admin.display(description="traceback")
    def stack(self, record: TaskRecord) -> SafeString:
        return format_html('<pre class="flowrra-text">{}</pre>', record.traceback)

    @admin.display(description="attempts that went wrong")
    def past(self, record: TaskRecord) -> SafeString:
        return attempts_of(record.history)

    # What was called, and what came of it

    @admin.display(description="args")
    def arguments(self, record: TaskRecord) -> SafeString:
        return json_of(record.args)

    @admin.display(description="kwargs")
    def keyword_arguments(self, record: TaskRecord) -> SafeString:
        return json_of(record.kwargs)

    @admin.display(description="returned")
    def returned(self, record: TaskRecord) -> SafeString:
        return json_of(record.result or "")

    # Times

    @admin.display(description="submitted")
    def submitted(self, record: TaskRecord) -> str:
        return time_in_full(record.submitted_at) or NOTHING

    @admin.display(description="to run after")
    def due(self, record: TaskRecord) -> str:
        return time_in_full(record.due_at or record.run_after) or NOTHING

    @admin.display(description="started")
    def started(self, record: TaskRecord) -> str:
        return time_in_full(record.started_at) or NOTHING

    @admin.display(description="finished")
    def finished(self, record: TaskRecord) -> str:
        return time_in_full(record.finished_at) or NOTHING

    @admin.display(description="waited")
    def waited(self, record: TaskRecord) -> str:
        return waited(record, now()) or NOTHING

    @admin.display(description="ran")
    def ran(self, record: TaskRecord) -> str:
        return ran(record, now()) or NOTHING


def _times(record: TaskRecord) -> tuple[Any, ...]:
    is_delayed = record.due_at or record.run_after
    planned = ("submitted", "due") if is_delayed else ("submitted",)
    return (*planned, "started", "finished", ("waited", "ran"))


def _happened(record: TaskRecord) -> tuple[str, ...]:
    told = {
        "state": True,
        "problem": record.error_type,
        "stack": record.traceback,
        "past": record.history != NO_HISTORY,
    }
    return tuple(field for field, is_there in told.items() if is_there)
