"""The overview: what is wrong, what waits, what it came to, and who works."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from .. import runtime
from ..models import Overview
from ..tally import Minute, merged
from .charts import Point, jobs_chart, points_of, times_chart, told
from .pace import failing, paces
from .page import PageAdmin, current_site
from .rows import queue_rows, worker_rows

MOST_WAITED = 300.0


class Period(NamedTuple):
    """What is drawn: so many points of so many minutes."""

    title: str
    points: int
    minutes: int


HOUR, DAY = Period("Last hour", 60, 1), Period("Last 24 hours", 96, 15)


class Chart(NamedTuple):
    """A chart, with what it says in words."""

    title: str
    words: str
    drawing: SafeString


@admin.register(Overview)
class OverviewAdmin(PageAdmin[Overview]):
    """Computed anew for each look, from whatever ledger there is."""

    template = "admin/flowrra_django/overview.html"
    title = "Overview"

    def context(self, request: HttpRequest) -> dict[str, Any]:
        site = current_site()
        now = datetime.now(UTC)
        backend = runtime.get_stores().backend
        minutes = backend.totals(now - timedelta(days=1))
        running = site.running()
        queues, workers = site.queues(running), site.workers(running)
        return {
            "troubles": site.troubles(MOST_WAITED, queues, workers),
            "failures": failing(backend.ended(now - timedelta(hours=1))),
            "queues": queue_rows(queues, running, paces([row["queue"] for row in queues])),
            "workers": worker_rows(workers, running),
            "periods": [(period, _charts(minutes, period, now)) for period in (HOUR, DAY)],
            "zone": timezone.localtime(now).tzname(),
        }


def _charts(minutes: Sequence[Minute], period: Period, now: datetime) -> list[Chart]:
    points = points_of(minutes, now, period.points, period.minutes)
    done, failed = sum(p.succeeded for p in points), sum(p.failed for p in points)
    waited, ran = (merged(*(getattr(p, name) for p in points)) for name in ("waited", "ran"))
    return [
        Chart("Jobs a minute", f"{done:,} done, {failed:,} failed", jobs_chart(points)),
        Chart("Wait", told(waited), times_chart(points, "Wait", _waited)),
        Chart("Run time", told(ran), times_chart(points, "Run time", _ran)),
    ]


def _waited(point: Point) -> Any:
    return point.waited


def _ran(point: Point) -> Any:
    return point.ran
