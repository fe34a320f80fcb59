"""What may be done to a job from the admin: run it again once it ended, or delete it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from .. import runtime
from ..backends.database import browsing
from ..exceptions import FlowrraError
from ..models import TaskRecord
from ..results import FINAL, TaskStatus
from .base import ReadOnlyAdmin

AT_ONCE = 500  # the page that asks sends a field for each, and Django takes 1000 of a form
TOO_MANY = f"Select at most {AT_ONCE} task results to delete. Those that are old go by themselves."
LEFT_RUNNING = "Not deleted, for running: %d. Wait for their end, or cancel them."


class RunningError(FlowrraError):
    """A job that runs was to be deleted."""

    def __init__(self) -> None:
        super().__init__("A running job cannot be deleted. Wait for its end, or cancel it.")


class ChangingAdmin(ReadOnlyAdmin[TaskRecord]):
    """Retry, for those who may `retry_taskrecord`, and Delete; both are noted in the admin's log.

    A job that runs is not deleted, however the request came about: the ledger refuses it.
    """

    actions = ("retry", "delete_selected")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.retry_view))
        name = f"{self.opts.app_label}_{self.opts.model_name}_retry"
        return [path("<path:object_id>/retry/", view, name=name), *super().get_urls()]

    # Retry

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.retry_taskrecord")

    @admin.action(description="Retry the selected task results", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        """Let the final ones among the selected jobs run again."""
        self._retry(request, list(queryset))

    def retry_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let one job run again."""
        if not self.has_retry_permission(request):
            raise PermissionDenied
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404(f"There is no task result {object_id}.")
        self._retry(request, [record])
        return self._redirect_to(request, object_id)

    def _retry(self, request: HttpRequest, records: Sequence[TaskRecord]) -> None:
        final = [record for record in records if record.status in FINAL]
        retried = runtime.get_stores().retry([record.task_id for record in final])
        again = [record for record in final if record.task_id in retried]
        _log(request, again, CHANGE, "Retried.")
        if again:
            told = ngettext("%d job waits again.", "%d jobs wait again.", len(again)) % len(again)
            self.message_user(request, told, messages.SUCCESS)
        self._tell_left(request, len(records) - len(again), "Not retried, for not ended: %d.")

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
        self._tell_left(request, len(queryset) - len(idle), LEFT_RUNNING)
        return delete_selected(self, request, idle) if idle else None

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask first, then delete one job, unless it runs."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except RunningError as error:
            self.message_user(request, str(error), messages.ERROR)
            return self._redirect_to(request, object_id)

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
        _log(request, gone, DELETION)
        if gone:
            told = ngettext("%d job was deleted.", "%d jobs were deleted.", len(gone)) % len(gone)
            self.message_user(request, told, messages.SUCCESS)
        self._tell_left(request, len(records) - len(gone), LEFT_RUNNING)

    def _tell_left(self, request: HttpRequest, count: int, told: str) -> None:
        if count:
            self.message_user(request, told % count, messages.WARNING)

    def _redirect_to(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        """Go to the job's page, from which the list is found again as it was filtered."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        context: dict[str, Any] = {
            "preserved_filters": self.get_preserved_filters(request),
            "opts": self.opts,
        }
        return HttpResponseRedirect(add_preserved_filters(context, reverse(name, args=[object_id])))


def _erased(records: Sequence[TaskRecord]) -> set[str]:
    """Delete jobs from the ledger and from its index; return the ids of those that did not run."""
    deleted = browsing.delete(runtime.ledger_alias(), [record.task_id for record in records])
    runtime.get_stores().broker.forget(deleted)
    return deleted


def _log(
    request: HttpRequest, records: Sequence[TaskRecord], action: int, message: str = ""
) -> None:
    """Note in the admin's log what was done to each job."""
    user_id = cast(int, request.user.pk)
    LogEntry.objects.log_actions(user_id, records, action, message)
