"""Delete jobs from the admin, but for those that run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.models import DELETION
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import ngettext

from .. import runtime
from ..exceptions import FlowrraError
from ..models import TaskRecord
from ..results import TaskStatus
from .transitions import TransitionAdmin

AT_ONCE = 500  # the page that asks sends a field for each, and Django takes 1000 of a form
TOO_MANY = f"Select at most {AT_ONCE} task results to delete. Those that are old go by themselves."
LEFT_RUNNING = "Not deleted, for running: %d. Wait for their end, or cancel them."


class RunningError(FlowrraError):
    """A job that runs was to be deleted."""

    def __init__(self) -> None:
        super().__init__("A running job cannot be deleted. Wait for its end, or cancel it.")


class ChangingAdmin(TransitionAdmin):
    """Whatever may be done to jobs; each is noted in the admin's log.

    A job that runs is not deleted, however the request came about: the ledger refuses it.
    """

    actions = ("retry", "run", "cancel", "delete_selected")

    # Delete

    @admin.action(description="Delete the selected task results", permissions=["delete"])
    def delete_selected(
        self, request: HttpRequest, queryset: QuerySet[TaskRecord]
    ) -> HttpResponseBase | None:
        """Ask first, then delete those of the selected jobs that do not run."""
        if queryset.count() > AT_ONCE:
            self.message_user(request, TOO_MANY, messages.ERROR)
            return None
        if "post" in request.POST:
            self._delete(request, list(queryset))
            return None
        idle = queryset.exclude(status=TaskStatus.RUNNING)
        self.tell_left(request, len(queryset) - len(idle), LEFT_RUNNING)
        return delete_selected(self, request, idle) if idle else None

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask first, then delete one job, unless it runs."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except RunningError as error:
            self.message_user(request, str(error), messages.ERROR)
            return self.redirect_to(request, object_id)

    def get_deleted_objects(
        self, objs: Sequence[TaskRecord] | QuerySet[TaskRecord], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name what would be deleted, which takes nothing else along; RunningError if it runs."""
        if any(record.status == TaskStatus.RUNNING for record in objs):
            raise RunningError
        return (
            [str(record) for record in objs],
            {str(self.opts.verbose_name_plural): len(objs)},
            set(),
            [],
        )

    def delete_model(self, request: HttpRequest, obj: TaskRecord) -> None:
        """Delete one job; RunningError, which undoes what was logged, if it has begun to run."""
        if not _erased([obj]):
            raise RunningError

    def _delete(self, request: HttpRequest, records: Sequence[TaskRecord]) -> None:
        deleted = _erased(records)
        gone = [record for record in records if record.task_id in deleted]
        self.log(request, gone, "", DELETION)
        if gone:
            told = ngettext("%d job was deleted.", "%d jobs were deleted.", len(gone)) % len(gone)
            self.message_user(request, told, messages.SUCCESS)
        self.tell_left(request, len(records) - len(gone), LEFT_RUNNING)


def _erased(records: Sequence[TaskRecord]) -> set[str]:
    """Delete jobs from the ledger and from its index; return the ids of those that did not run."""
    return runtime.get_stores().delete([record.task_id for record in records])
