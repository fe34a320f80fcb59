"""Workers: the processes that are up, or were when they last beat. Read-only."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from .. import runtime
from ..backends.database import browsing
from ..models import WorkerProcess
from .base import ReadOnlyAdmin
from .pieces import time_in_full, time_of
from .words import ago, aware, now


@admin.register(WorkerProcess)
class WorkerProcessAdmin(ReadOnlyAdmin[WorkerProcess]):
    """The one that started last comes first."""

    list_display = ("name", "heartbeat", "runs_now", "queues", "kinds", "version", "started")
    fields = (
        "name", "heartbeat", "runs_now", "queues", "kinds", "worker_id", "version", "up_since",
    )  # fmt: skip
    ordering = ("-started_at",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkerProcess]:
        running = RawSQL(browsing.RUNNING_OF_WORKER, ())  # noqa: S611 - a constant of ours
        return super().get_queryset(request).annotate(running=running)

    @admin.display(description="worker")
    def name(self, worker: WorkerProcess) -> str:
        return str(worker)

    @admin.display(description="last heartbeat")
    def heartbeat(self, worker: WorkerProcess) -> SafeString:
        """Say how old it is, and mark a worker that is silent for too long to be thought alive."""
        beat_at, at = aware(worker.beat_at), now()
        limit = timedelta(seconds=runtime.get_config().executor.heartbeat_timeout)
        mark = "silent" if at - beat_at > limit else "alive"
        return format_html(
            '<span class="flowrra-status flowrra-{0}">{0}</span> {1}', mark, ago(beat_at, at)
        )

    @admin.display(description="runs now")
    def runs_now(self, worker: WorkerProcess) -> SafeString:
        url = reverse(f"{self.admin_site.name}:flowrra_django_taskrecord_changelist")
        query = urlencode({"worker": worker.worker_id})
        return format_html('<a href="{}?{}">{}</a>', url, query, worker.running)  # type: ignore[attr-defined] # annotated above

    @admin.display(description="started")
    def started(self, worker: WorkerProcess) -> SafeString | None:
        return time_of(worker.started_at)

    @admin.display(description="started")
    def up_since(self, worker: WorkerProcess) -> SafeString | None:
        return time_in_full(worker.started_at)
