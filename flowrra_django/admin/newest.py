"""The list of task results: the newest ones first, without a scan or a count of the table."""

from __future__ import annotations

from dataclasses import replace
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
        alias, text, task = runtime.ledger_alias(), self.query.strip(), chosen.pop("task", None)
        fits = Wanted(names=None if task is None else (task,), **chosen)
        if text:
            exact = browsing.newest(alias, replace(fits, task_id=text), LIMIT)
            if exact.ids:
                return exact.ids
            fits = replace(fits, names=self._task_names(alias, task, text))
        found = browsing.newest(alias, fits, LIMIT)
        if found.has_more:
            self.notes.append(CAPPED)
        elif found.is_windowed:
            self.notes.append(WINDOWED)
        return found.ids

    def _task_names(self, alias: str, task: str | None, prefix: str) -> tuple[str, ...]:
        """Return the names that begin so; of one that was chosen, that one or none."""
        if task is not None:
            return (task,) if task.startswith(prefix) else ()
        names = browsing.values(alias, "task_name", prefix, NAMES + 1)
        if len(names) > NAMES:
            self.notes.append(MANY_NAMES.format(text=prefix, count=NAMES))
        return tuple(names[:NAMES])
