"""The list of task results: the newest ones first, at a cost that does not grow with the table."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import InvalidPage, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from .. import runtime
from ..backends.database import browsing
from ..backends.database.browsing import Wanted
from ..models import TaskRecord
from .filters import Filter

LIMIT = 10_000
NAMES = 100

LISTED = (
    "task_id", "status", "task_name", "queue", "submitted_at", "run_after", "due_at", "started_at",
    "finished_at", "failures", "crashes", "worker",
)  # fmt: skip


FIELDS = {"task": "task_name", "queue": "queue", "status": "status", "worker": "worker"}

CAPPED = (
    f"More than {LIMIT:,} task results fit. The newest {LIMIT:,} are here; the filters and the "
    "search find older ones."
)
WINDOWED = (
    f"Of the jobs that fit a part of the filters, the newest {browsing.WINDOW:,} were looked "
    "through for those that fit all. With fewer filters, older ones may be found."
)
MANY_NAMES = (
    "More than {count} tasks have names that begin with “{text}”. The first {count} are here."
)


class NewestFirst(ChangeList):
    """Finds the keys of up to LIMIT rows through the indexes, then reads the rows of one page.

    Nothing is counted beyond that; `notes` says on the page what was left out. An action on all
    that the page found is an action on those keys.
    """

    ids: list[int]
    notes: list[str]

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[TaskRecord]:
        super().get_queryset(request)  # sets up the filters; what it returns is not evaluated
        self.notes = []
        filters = [spec for spec in self.filter_specs if isinstance(spec, Filter)]
        chosen = {spec.parameter_name: spec.value() for spec in filters}
        self.ids = self._find(chosen)
        return self._rows(self.ids)

    def get_results(self, request: HttpRequest) -> None:
        paginator = Paginator(self.ids, self.list_per_page)
        try:
            page = paginator.page(self.page_num)
        except InvalidPage as error:
            raise IncorrectLookupParameters from error
        self.paginator = paginator
        self.result_list = self._rows(list(page.object_list))
        self.result_count = self.full_result_count = paginator.count
        self.multi_page = paginator.num_pages > 1
        self.show_full_result_count = self.can_show_all = False
        self.show_admin_actions = True

    def _rows(self, ids: list[int]) -> QuerySet[TaskRecord]:
        return self.root_queryset.filter(pk__in=ids).only(*LISTED).order_by("-pk")

    def _find(self, chosen: dict[str, str | None]) -> list[int]:
        alias, text = runtime.ledger_alias(), self.query.strip()
        if text and (ids := self._named(text, chosen)):
            return ids
        wanted = Wanted(
            names=self._task_names(alias, chosen.get("task"), text),
            queue=chosen.get("queue"),
            status=chosen.get("status"),
            worker=chosen.get("worker"),
        )
        found = browsing.newest(alias, wanted, LIMIT)
        if found.has_more:
            self.notes.append(CAPPED)
        elif found.is_windowed:
            self.notes.append(WINDOWED)
        return found.ids

    def _named(self, task_id: str, chosen: dict[str, str | None]) -> list[int]:
        """Return the key of the job with that id, if there is one and the filters let it pass."""
        fits = {FIELDS[name]: value for name, value in chosen.items() if value is not None}
        rows = self.root_queryset.filter(task_id=task_id, **fits)
        return list(rows.values_list("pk", flat=True))

    def _task_names(self, alias: str, chosen: str | None, prefix: str) -> tuple[str, ...] | None:
        """Return the names that the jobs may have; None for any."""
        if chosen is not None:
            return (chosen,) if chosen.startswith(prefix) else ()
        if not prefix:
            return None
        names = browsing.values(alias, "task_name", prefix, NAMES + 1)
        if len(names) > NAMES:
            self.notes.append(MANY_NAMES.format(text=prefix, count=NAMES))
        return tuple(names[:NAMES])
