"""The page of one job, in the order in which a person on call asks."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .. import runtime
from ..job import FIRST_PRIORITY, NO_HISTORY, UNTIL_START
from ..models import TaskRecord
from ..reports import log_from, progress_from
from ..results import FINAL, WAITING, TaskStatus
from . import elsewhere
from .attempts import attempts_of
from .every import EveryAdmin
from .moments import now
from .pieces import badge, json_of, text_of, time_in_full
from .standing import why_waits, worker_of
from .telling import log_of, progress_of
from .timeline import drawn, spans_of
from .timing import ran, waited
from .transitions import RETRY

NOTHING = "-"
KEY_DIGITS = 20  # a job's id has more, or other characters
CALLED = ("task_name", "arguments", "keyword_arguments")
STOPPED = {None: "", True: "Its code was stopped.", False: "Its code could not be stopped."}
NO_NOTES: Any = ({}, None)
WHERE = (
    "task_id",
    ("queue", "kind", "place"),
    "runner",
    ("attempts", "failures", "crashes", "claim"),
)
WHERE_ELSEWHERE = ("task_id", ("queue", "place"), "runner", ("attempts", "failures", "crashes"))


class DetailAdmin(EveryAdmin):
    """Shows all that a record holds, and of what it does not hold, nothing."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        where = WHERE_ELSEWHERE if elsewhere.is_elsewhere() else WHERE
        sections = {
            "What happened": _happened(obj),
            "What was called": (*CALLED, "notes") if obj.meta not in NO_NOTES else CALLED,
            "Result": () if obj.result is None else ("returned",),
            "Times": _times(obj),
            "Where": (*where, "uniqueness") if obj.unique_key else where,
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
            is_final = obj.status in FINAL
            context["can_retry"] = RETRY.fits(obj) and self.has_retry_permission(request)
            is_waiting = obj.status in WAITING
            context["can_run"] = is_waiting and self.has_run_permission(request)
            context["can_cancel"] = not is_final and self.has_cancel_permission(request)
            context["show_delete"] = obj.status != TaskStatus.RUNNING
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> TaskRecord | None:
        """Find a job by its key, or by its id."""
        if elsewhere.is_elsewhere():
            return elsewhere.find(unquote(object_id))
        if object_id.isdecimal() and len(object_id) < KEY_DIGITS:
            return super().get_object(request, object_id, from_field)
        return self.get_queryset(request).filter(task_id=unquote(object_id)).first()

    # What happened

    @admin.display(description="status")
    def state(self, record: TaskRecord) -> SafeString:
        return format_html("{} {}", badge(record.status), _of_cancel(record) or why_waits(record))

    @admin.display(description="progress")
    def how_far(self, record: TaskRecord) -> SafeString | str:
        return progress_of(record) or NOTHING

    @admin.display(description="log")
    def lines(self, record: TaskRecord) -> SafeString | str:
        return log_of(record) or NOTHING

    @admin.display(description="error")
    def problem(self, record: TaskRecord) -> SafeString:
        return format_html("<b>{}</b>{}", record.error_type, text_of(record.error))

    @admin.display(description="traceback")
    def stack(self, record: TaskRecord) -> SafeString:
        return text_of(record.traceback)

    @admin.display(description="attempts that went wrong")
    def past(self, record: TaskRecord) -> SafeString:
        return attempts_of(record.history)

    # What was called, and what came of it

    @admin.display(description="args")
    def arguments(self, record: TaskRecord) -> SafeString:
        return json_of(record.args, partial(runtime.get_masker().arguments, record.task_name))

    @admin.display(description="kwargs")
    def keyword_arguments(self, record: TaskRecord) -> SafeString:
        return json_of(record.kwargs, runtime.get_masker().value)

    @admin.display(description="returned")
    def returned(self, record: TaskRecord) -> SafeString:
        return json_of(record.result or "", runtime.get_masker().value)

    @admin.display(description="meta")
    def notes(self, record: TaskRecord) -> SafeString:
        return json_of(orjson.dumps(record.meta).decode(), runtime.get_masker().value)

    @admin.display(description="worker")
    def runner(self, record: TaskRecord) -> str:
        return worker_of(record, self.admin_site.name) or NOTHING

    # Times

    @admin.display(description="on its way")
    def timeline(self, record: TaskRecord) -> SafeString | str:
        spans = spans_of(record, now())
        return drawn(spans) if spans else NOTHING

    @admin.display(description="submitted")
    def submitted(self, record: TaskRecord) -> str:
        return time_in_full(record.submitted_at) or NOTHING

    @admin.display(description="to run after")
    def due(self, record: TaskRecord) -> str:
        return time_in_full(record.due_at or record.run_after) or NOTHING

    @admin.display(description="expires unless started")
    def expires(self, record: TaskRecord) -> str:
        return time_in_full(record.expires_at) or NOTHING

    @admin.display(description="priority")
    def place(self, record: TaskRecord) -> str:
        is_first = record.priority == FIRST_PRIORITY
        return "before all others, since it was to run now" if is_first else str(record.priority)

    @admin.display(description="unique")
    def uniqueness(self, record: TaskRecord) -> str:
        until = "starts" if str(record.unique_key).startswith(UNTIL_START) else "has ended"
        return f"Another that is the same is not enqueued until this one {until}."

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
    expiry = ("expires",) if record.expires_at else ()
    return ("timeline", *planned, *expiry, "started", "finished", ("waited", "ran"))


def _of_cancel(record: TaskRecord) -> str:
    """Say who wanted the job cancelled, and what came of it."""
    by = f" by {record.cancelled_by}" if record.cancelled_by else ""
    if record.status == TaskStatus.CANCELLED:
        told = f"Cancelled{by}." if by else ""
        return f"{told} {STOPPED[record.was_stopped]}".strip()
    return f"It was asked to be cancelled{by}." if record.cancel_requested else ""


def _happened(record: TaskRecord) -> tuple[str, ...]:
    told = {
        "state": True,
        "how_far": progress_from(record.progress),
        "problem": record.error_type,
        "stack": record.traceback,
        "past": record.history != NO_HISTORY,
        "lines": log_from(record.log),
    }
    return tuple(field for field, is_there in told.items() if is_there)
