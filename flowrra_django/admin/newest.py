"""The list of task results: the newest ones first, without a scan or a count of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import InvalidPage, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from .. import runtime
from ..backends.database import browsing
from ..backends.database.wanted import Wanted
from ..models import TaskRecord
from .filters import chosen_by, wanted
from .holding import LOOKED_AT, MOST, holding

LIMIT = 10_000
NAMES = 100

LISTED = (
    "task_id", "status", "task_name", "queue", "submitted_at", "run_after", "due_at", "started_at",
    "finished_at", "failures", "crashes", "worker", "error_type",
)  # fmt: skip

CAPPED = (
    f"More than {LIMIT:,} task results fit. The newest {LIMIT:,} are here; the filters and the "
    "search find older ones."
)
WINDOWED = (
    f"Of the jobs that fit a part of the filters, the newest {browsing.WINDOW:,} were looked "
    "through for those that fit all. With another task, queue or status, older ones may be found."
)
TEXTS = (
    f"The arguments and errors of the newest {LOOKED_AT:,} that fit the filters were looked "
    f"through, as far as {MOST} that hold the text. With filters, older ones may be found."
)
MANY_NAMES = (
    "More than {count} tasks have names that begin with “{text}”. The first {count} are here."
)


class Asked(NamedTuple):
    """What is asked for, and what has been left out of it, in words.

    With a `text`, only those are meant that hold it, as far as they were looked through.
    """

    wanted: Wanted
    notes: list[str]
    text: str = ""


class NewestFirst(ChangeList):
    """Finds the keys of up to LIMIT rows through the indexes, then reads the rows of one page.

    Nothing is counted beyond that; `notes` says on the page what was left out. An action on all
    that the page found is an action on those keys.
    """

    ids: list[int]
    notes: list[str]
    is_capped = False

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[TaskRecord]:
        super().get_queryset(request)  # sets up the filters; what it returns is not evaluated
        self.notes = []
        self.ids = self._find(chosen_by(self.params))
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

    def _find(self, chosen: dict[str, str]) -> list[int]:
        alias = runtime.ledger_alias()
        try:
            asked = ask(alias, chosen, self.query.strip())
        except ValueError as error:
            self.notes.append(str(error))
            return []
        self.notes += asked.notes
        if asked.text:
            return self._holding(
                browsing.newest(alias, asked.wanted, LOOKED_AT + 1).ids, asked.text
            )
        found = browsing.newest(alias, asked.wanted, LIMIT)
        self.is_capped = found.has_more
        if found.has_more:
            self.notes.append(CAPPED)
        elif found.is_windowed:
            self.notes.append(WINDOWED)
        return found.ids

    def _holding(self, ids: list[int], text: str) -> list[int]:
        found = holding(ids, text)
        if len(ids) > LOOKED_AT or len(found) == MOST:
            self.notes.append(TEXTS)
        return found


def ask(alias: str, chosen: Mapping[str, str], text: str) -> Asked:
    """Return what filters and a search ask for: the job of that id, or else tasks by their names.

    Where no name begins so, it is for jobs that hold the text. Raises ValueError, in words, for a
    time that cannot be read.
    """
    fits = wanted(chosen)
    if not text:
        return Asked(fits, [])
    exact = replace(fits, task_id=text)
    if browsing.newest(alias, exact, 1).ids:
        return Asked(exact, [])
    names, notes = _names(alias, chosen.get("task"), text)
    return Asked(replace(fits, names=names), notes) if names else Asked(fits, notes, text)


def _names(alias: str, task: str | None, prefix: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the names that begin so, of one that was chosen that one or none; and what is left."""
    if task is not None:
        return ((task,) if task.startswith(prefix) else ()), []
    names = browsing.values(alias, "task_name", prefix, NAMES + 1)
    notes = [MANY_NAMES.format(text=prefix, count=NAMES)] if len(names) > NAMES else []
    return tuple(names[:NAMES]), notes
