"""What is done to all jobs that fit the filters, however many: asked first, then done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from .. import runtime
from ..backends.database import browsing
from ..backends.database.wanted import Wanted
from ..job import DEFAULT_QUEUE
from ..models import TaskRecord
from ..tasks import change_jobs, changed, meant, payload_of, states_of
from . import elsewhere
from .changing import ChangingAdmin
from .filters import PARAMETERS, chosen_by, in_words
from .newest import LIMIT, ask
from .page import current_site

AT_ONCE = 1_000  # in the request; more are left to a worker
SELECT_ROWS = (
    "A text in arguments and errors is looked for among the newest jobs alone. Select those that "
    "were found, or filter by task, queue or time."
)
SEARCH = "q"
ACROSS = {"retry": "retry", "run": "run", "cancel": "cancel", "delete_selected": "delete"}


class Question(NamedTuple):
    """What is asked before, and what is noted after something is done to many jobs."""

    title: str
    button: str
    consequence: str
    noted: str


QUESTIONS: Mapping[str, Question] = {
    "retry": Question(
        "Retry all that fit", "Retry them", "They wait again, as if they were new.", "Retried"
    ),
    "run": Question(
        "Run all that fit now", "Run them now",
        "They are due at once, and go before all others of their queues.", "To run now",
    ),
    "cancel": Question(
        "Cancel all that fit", "Cancel them",
        "Those that wait will not run, and those that run are stopped, as far as they can be.",
        "Cancelled",
    ),
    "delete": Question(
        "Delete all that fit", "Delete them", "They are gone for good. What runs is left.",
        "Deleted",
    ),
}  # fmt: skip


class EveryAdmin(ChangingAdmin):
    """Retry, Run now, Cancel and Delete for all that the filters and the search ask for.

    A page asks, by GET, and counts no further than the list goes. What is done, by POST, takes the
    filters as they are and no rows: up to AT_ONCE jobs at once, more as a job of this app.
    """

    def get_urls(self) -> list[URLPattern]:
        return [self.url("every/<str:act>/", self.every_view, "every"), *super().get_urls()]

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[TaskRecord], *args: Any, **options: Any
    ) -> HttpResponse | None:
        """Ask about all that fit, where Django would go through all that is listed."""
        action = request.POST.get("action", "")
        is_across = request.POST.get("select_across") == "1" and action in ACROSS
        if not is_across or action not in self.get_actions(request):
            return super().response_action(request, queryset, *args, **options)
        name = f"{self.admin_site.name}:flowrra_django_taskrecord_every"
        asked = request.GET.copy()
        for parameter in set(asked) - PARAMETERS - {SEARCH}:
            del asked[parameter]
        address = reverse(name, args=[ACROSS[action]])
        return HttpResponseRedirect(f"{address}?{asked.urlencode()}")

    def every_view(self, request: HttpRequest, act: str) -> HttpResponse:
        """Ask whether something is to be done to all that fit, or do it."""
        if act not in QUESTIONS or elsewhere.is_elsewhere():
            raise Http404("There is no such action.")
        if not (self.has_view_permission(request) and self._may_do(request, act)):
            raise PermissionDenied
        chosen, text = chosen_by(request.GET.dict()), request.GET.get(SEARCH, "").strip()
        try:
            asked = ask(runtime.ledger_alias(), chosen, text)
        except ValueError as error:
            return self._refused(request, str(error))
        if asked.notes:
            return self._refused(request, f"{' '.join(asked.notes)} Narrow the search.")
        if asked.text:
            return self._refused(request, SELECT_ROWS)
        words = "; ".join(in_words(chosen, text)) or "all task results"
        return self._answer(request, act, meant(act, asked.wanted), words)

    def _may_do(self, request: HttpRequest, act: str) -> bool:
        return self.may(request, f"{act}_taskrecord")

    def _answer(self, request: HttpRequest, act: str, wanted: Wanted, words: str) -> HttpResponse:
        alias = runtime.ledger_alias()
        count = browsing.count(alias, wanted, states_of(act, wanted), LIMIT)
        is_long = count.is_more or count.number > AT_ONCE
        if request.method != "POST":
            return self._ask(request, act, count, words, is_long=is_long)
        seen = browsing.as_of_now(alias, wanted)
        if is_long:
            return self._enqueue(request, act, seen, words)
        return self._do(request, act, seen, words)

    def _ask(
        self, request: HttpRequest, act: str, count: browsing.Count, words: str, *, is_long: bool
    ) -> HttpResponse:
        site = current_site()
        context = {
            **self.admin_site.each_context(request),
            "title": QUESTIONS[act].title,
            "opts": self.opts,
            "media": self.media,
            "question": QUESTIONS[act],
            "count": _amount(count),
            "is_none": not (count.number or count.is_more),
            "words": words,
            "is_long": is_long,
            "obstacle": site.obstacle(site.served_queue(DEFAULT_QUEUE)) if is_long else "",
            "back": self._list(request),
        }
        return TemplateResponse(request, "admin/flowrra_django/every.html", context)

    def _do(self, request: HttpRequest, act: str, wanted: Wanted, words: str) -> HttpResponse:
        by, alias = request.user.get_username(), runtime.ledger_alias()
        states = states_of(act, wanted)
        ids = [task_id for found in browsing.every(alias, wanted, states) for task_id in found]
        rows = {row.task_id: row for row in self.get_queryset(request).filter(task_id__in=ids)}
        done = {task_id for _, each in changed(act, wanted, by) for task_id in each}
        touched = [row for task_id, row in rows.items() if task_id in done]
        flag = DELETION if act == "delete" else CHANGE
        noted = QUESTIONS[act].noted
        self.log(request, touched, f"{noted}, with all that fit: {words}.", flag)
        self.message_user(request, f"{noted}: {len(done):,}.", messages.SUCCESS)
        return HttpResponseRedirect(self._list(request))

    def _enqueue(self, request: HttpRequest, act: str, wanted: Wanted, words: str) -> HttpResponse:
        """Leave it to a worker, and go to the page of the job, which tells how far it is."""
        site, by = current_site(), request.user.get_username()
        queue = site.served_queue(DEFAULT_QUEUE)
        job = change_jobs.using(queue=queue).enqueue(act, payload_of(wanted), by)
        row = self.get_queryset(request).get(task_id=job.task_id)
        self.log(request, [row], f"Asked to {act} all that fit: {words}.")
        told = f"A worker does it; this page tells how far it is. All that fit: {words}."
        self.message_user(request, told, messages.SUCCESS)
        if obstacle := site.obstacle(queue):
            self.message_user(request, f"{obstacle} Nothing happens until then.", messages.WARNING)
        name = f"{self.admin_site.name}:flowrra_django_taskrecord_change"
        return HttpResponseRedirect(reverse(name, args=[row.pk]))

    def _refused(self, request: HttpRequest, why: str) -> HttpResponse:
        self.message_user(request, why, messages.ERROR)
        return HttpResponseRedirect(self._list(request))

    def _list(self, request: HttpRequest) -> str:
        """Return the address of the list, narrowed as it was."""
        name = f"{self.admin_site.name}:flowrra_django_taskrecord_changelist"
        query = request.GET.urlencode()
        return f"{reverse(name)}?{query}" if query else reverse(name)


def _amount(count: browsing.Count) -> str:
    if not count.is_more:
        return f"{count.number:,}"
    return f"more than {count.number:,}" if count.number >= LIMIT else f"{count.number:,} or more"
