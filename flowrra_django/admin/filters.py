"""What the list of task results can be narrowed to. No choice is counted, and none needs a scan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from .. import runtime
from ..backends.database import browsing
from ..models import TaskRecord
from ..results import TaskStatus

CHOICES = 100

Lookups = Iterable[tuple[str, str]]


class Filter(admin.SimpleListFilter):
    """Offers choices and holds the one that was made; `NewestFirst` does the finding."""

    parameter_name: str

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        """Leave the rows alone."""


class StatusFilter(Filter):
    title = parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(status.value, status.value) for status in TaskStatus]


class QueueFilter(Filter):
    title = parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return _values("queue")


class TaskFilter(Filter):
    title = parameter_name = "task"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return _values("task_name")


class WorkerFilter(Filter):
    """What a worker runs now. The page of the workers leads here; a list of them is not needed."""

    title = "worker that runs it"
    parameter_name = "worker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        worker = self.value()
        return [(worker, worker)] if worker else []


FILTERS = (StatusFilter, QueueFilter, TaskFilter, WorkerFilter)
PARAMETERS = frozenset(each.parameter_name for each in FILTERS)


def _values(column: str) -> Lookups:
    found = browsing.values(runtime.ledger_alias(), column, "", CHOICES)
    return [(value, value) for value in found]
