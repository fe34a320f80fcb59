"""Retry jobs that have ended, run those that wait at once, and cancel what has not ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.translation import ngettext

from .. import runtime
from ..models import TaskRecord
from ..results import FINAL, UNFINISHED, WAITING, TaskStatus
from ..tasks import OWN
from .base import ReadOnlyAdmin


class Transition(NamedTuple):
    """What is done to jobs in one of some states, and how it is told.

    `act` takes ids and who wants it, and returns the ids of those to which it was done. It is not
    done to jobs of the tasks in `but`.
    """

    act: Callable[[Sequence[str], str], set[str]]
    states: Collection[TaskStatus]
    logged: str
    one: str
    many: str
    left: str
    but: Collection[str] = ()

    def fits(self, record: TaskRecord) -> bool:
        """Whether this can be done to a job."""
        return record.status in self.states and record.task_name not in self.but


def _retry(task_ids: Sequence[str], by: str) -> set[str]:
    return runtime.get_stores().retry(task_ids)


def _cancel(task_ids: Sequence[str], by: str) -> set[str]:
    return runtime.get_stores().cancel(task_ids, by=by)


def _run(task_ids: Sequence[str], by: str) -> set[str]:
    return runtime.get_stores().run_now(task_ids)


RETRY = Transition(
    _retry, FINAL, "Retried.", "%d job waits again.", "%d jobs wait again.",
    "Not retried, for not ended: %d.",
    but=OWN,  # who may retry need not have the right to what they do
)  # fmt: skip
CANCEL = Transition(
    _cancel, UNFINISHED, "Cancelled.", "%d job is cancelled, or will be if it runs.",
    "%d jobs are cancelled, or will be if they run.", "Not cancelled, for ended: %d.",
)  # fmt: skip


RUN = Transition(
    _run, WAITING, "To run now.", "%d job is due now, and goes before others of its queue.",
    "%d jobs are due now, and go before others of their queues.",
    "Not to run now, for not waiting: %d.",
)  # fmt: skip


class TransitionAdmin(ReadOnlyAdmin[TaskRecord]):
    """Retry, Run now and Cancel, each for those who have its permission."""

    def get_urls(self) -> list[URLPattern]:
        views = {"retry": self.retry_view, "run": self.run_view, "cancel": self.cancel_view}
        mine = [
            self.post_url(f"<path:object_id>/{name}/", view, name) for name, view in views.items()
        ]
        return [*mine, *super().get_urls()]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "retry_taskrecord")

    def has_run_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "run_taskrecord")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "cancel_taskrecord")

    @admin.action(description="Retry the selected task results", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        """Let the final ones among the selected jobs run again."""
        self._change(request, list(queryset), RETRY)

    @admin.action(description="Run the selected task results now", permissions=["run"])
    def run(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        """Let those of the selected jobs that wait be due at once, and go first."""
        self._change(request, list(queryset), RUN)

    @admin.action(description="Cancel the selected task results", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        """Cancel those of the selected jobs that wait, and ask it of those that run."""
        self._change(request, list(queryset), CANCEL)

    def retry_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let one job run again."""
        if not self.has_retry_permission(request):
            raise PermissionDenied
        return self._change_one(request, object_id, RETRY)

    def run_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let one job that waits be due at once, and go first."""
        if not self.has_run_permission(request):
            raise PermissionDenied
        return self._change_one(request, object_id, RUN)

    def cancel_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Cancel one job, or have it stopped if it runs."""
        if not self.has_cancel_permission(request):
            raise PermissionDenied
        return self._change_one(request, object_id, CANCEL)

    def tell_left(self, request: HttpRequest, count: int, told: str) -> None:
        """Say how many jobs something was not done to, if there are any."""
        if count:
            self.message_user(request, told % count, messages.WARNING)

    def redirect_to(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        """Go to the job's page, from which the list is found again as it was filtered."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        context: dict[str, Any] = {
            "preserved_filters": self.get_preserved_filters(request),
            "opts": self.opts,
        }
        return HttpResponseRedirect(add_preserved_filters(context, reverse(name, args=[object_id])))

    def _change_one(
        self, request: HttpRequest, object_id: str, transition: Transition
    ) -> HttpResponse:
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404(f"There is no task result {object_id}.")
        self._change(request, [record], transition)
        return self.redirect_to(request, object_id)

    def _change(
        self, request: HttpRequest, records: Sequence[TaskRecord], transition: Transition
    ) -> None:
        fit = [record for record in records if transition.fits(record)]
        ids = transition.act([record.task_id for record in fit], request.user.get_username())
        changed = [record for record in fit if record.task_id in ids]
        self.log(request, changed, transition.logged)
        if changed:
            told = ngettext(transition.one, transition.many, len(changed)) % len(changed)
            self.message_user(request, told, messages.SUCCESS)
        self.tell_left(request, len(records) - len(changed), transition.left)
