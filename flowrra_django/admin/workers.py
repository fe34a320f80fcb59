"""Workers: the processes that are up, or were when they last beat, and what each runs now."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from .. import runtime
from ..models import WorkerProcess
from .page import PageAdmin, current_site
from .rows import worker_rows

DRAIN = "drain_workerprocess"


@admin.register(WorkerProcess)
class WorkerProcessAdmin(PageAdmin[WorkerProcess]):
    """Whatever ledger they are enlisted in. One can be asked to take no more jobs and end."""

    template = "admin/flowrra_django/workers.html"
    title = "Workers"

    def get_urls(self) -> list[URLPattern]:
        return [*super().get_urls(), self.post_url("drain/", self.drain_view, "drain")]

    def context(self, request: HttpRequest) -> dict[str, Any]:
        site = current_site()
        running = site.running()
        rows = worker_rows(site.workers(running), running)
        return {"workers": rows, "can_drain": self.may(request, DRAIN)}

    def drain_view(self, request: HttpRequest) -> HttpResponse:
        """Ask a worker to take no more jobs, finish what it runs, and end."""
        self.demand(request, DRAIN)
        worker_id = request.POST.get("worker", "")
        beats = runtime.get_stores().backend.beats()
        worker = next((b.worker for b in beats if b.worker.worker_id == worker_id), None)
        if worker is None or not runtime.get_stores().backend.drain(worker_id):
            self.message_user(request, "That worker is not up any more.", messages.WARNING)
            return self.back()
        row = WorkerProcess(worker_id=worker_id, host=worker.host, pid=worker.pid)
        self.log(request, [row], "Drained.")
        told = f"Worker {row} takes no more jobs, and goes."
        self.message_user(request, told, messages.SUCCESS)
        return self.back()
