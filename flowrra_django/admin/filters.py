"""What the list of task results can be narrowed to. No choice is counted, and none needs a scan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from .. import runtime
from ..backends.database import browsing
from ..backends.database.wanted import Wanted
from ..models import TaskRecord, WorkerProcess
from ..results import TaskStatus
from .moments import now

CHOICES = 100
YES = "yes"
AGES = {
    "hour": ("in the last hour", timedelta(hours=1)),
    "day": ("in the last 24 hours", timedelta(days=1)),
    "week": ("in the last 7 days", timedelta(days=7)),
}

BOUNDS = ("submitted_from", "submitted_until", "finished_from", "finished_until")
YEARS = range(1971, 9999)  # in which a day more or less has a name in every time zone
NO_MOMENT = "“{}” is no date and time. Write them as 2026-05-01T12:00."

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
    """Whoever runs a job, or was the last to. Other pages lead here for workers that are gone."""

    title = parameter_name = "worker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        rows = WorkerProcess.objects.using(runtime.ledger_alias()).order_by("host", "pid")[:CHOICES]
        known = {row.worker_id: str(row) for row in rows}
        worker = self.value()
        others = {} if worker is None or worker in known else {worker: worker}
        return [*known.items(), *others.items()]


class SinceFilter(Filter):
    title = "submitted"
    parameter_name = "since"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(name, words) for name, (words, _) in AGES.items()]


class RangeFilter(admin.ListFilter):
    """Holds two moments that somebody typed, or one of them: from when on, and until when."""

    template = "admin/flowrra_django/range_filter.html"
    name: str

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.chosen = {name: params.pop(name)[-1] for name in self.bounds if name in params}

    @property
    def bounds(self) -> list[str]:
        return [f"{self.name}_from", f"{self.name}_until"]

    def expected_parameters(self) -> list[str | None]:
        return [*self.bounds]

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield all that the form is made of: its inputs, and what else the list is narrowed to."""
        others = {n: v for n, v in changelist.params.items() if n not in self.bounds}
        yield {
            "inputs": [
                (n, n.rpartition("_")[2], _as_typed(self.chosen.get(n, ""))) for n in self.bounds
            ],
            "others": others,
            "without": changelist.get_query_string(remove=self.bounds) if self.chosen else None,
            "zone": timezone.get_current_timezone_name(),
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        """Leave the rows alone."""


class SubmittedFilter(RangeFilter):
    title = "time of submission"
    name = "submitted"


class FinishedFilter(RangeFilter):
    title = "time of the end"
    name = "finished"


class RetriedFilter(Filter):
    title = "retried"
    parameter_name = "retried"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Lookups:
        return [(YES, "tried more than once")]


FILTERS = (
    StatusFilter, SinceFilter, SubmittedFilter, FinishedFilter, QueueFilter, TaskFilter,
    WorkerFilter, RetriedFilter,
)  # fmt: skip
WORDS = {
    "status": "status {}",
    "since": "submitted in the last {}",
    "submitted_from": "submitted from {} on",
    "submitted_until": "submitted before {}",
    "finished_from": "ended from {} on",
    "finished_until": "ended before {}",
    "queue": "queue {}",
    "task": "task {}",
    "worker": "worker {}",
    "retried": "tried more than once",
}
PARAMETERS = frozenset(WORDS)


def chosen_by(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return what the parameters of an address choose."""
    return {name: parameters[name] for name in PARAMETERS if name in parameters}


def wanted(chosen: Mapping[str, str]) -> Wanted:
    """Return what the choices ask for; ValueError, in words, for a time that cannot be read."""
    task, age = chosen.get("task"), AGES.get(chosen.get("since", ""))
    since = [now() - age[1]] if age else []
    moments = {name: moment_of(chosen[name]) for name in BOUNDS if chosen.get(name)}
    if "submitted_from" in moments:
        since.append(moments["submitted_from"])
    return Wanted(
        names=None if task is None else (task,),
        queue=chosen.get("queue"),
        status=chosen.get("status"),
        worker=chosen.get("worker"),
        since=max(since, default=None),
        until=moments.get("submitted_until"),
        ended_from=moments.get("finished_from"),
        ended_until=moments.get("finished_until"),
        is_retried=chosen.get("retried") == YES,
    )


def in_words(chosen: Mapping[str, str], text: str) -> list[str]:
    """Say what jobs have to meet, a part at a time."""
    told = [words.format(chosen[name]) for name, words in WORDS.items() if chosen.get(name)]
    return [*told, f"found by “{text}”"] if text else told


def moment_of(text: str) -> datetime:
    """Read a date, with or without a time, as the reader's time zone has it.

    Raises ValueError, in words, for anything else.
    """
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.year in YEARS:
            zone = moment.tzinfo or timezone.get_current_timezone()
            return moment.replace(tzinfo=zone)
    raise ValueError(NO_MOMENT.format(text))


def _as_typed(text: str) -> str:
    """Return a time as an input for it takes it; what cannot be read as it stands."""
    with suppress(ValueError):
        zone = timezone.get_current_timezone()
        return moment_of(text).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
    return text


def _values(column: str) -> Lookups:
    found = browsing.values(runtime.ledger_alias(), column, "", CHOICES)
    return [(value, value) for value in found]
