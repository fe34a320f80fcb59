"""Queues: what waits on each; pause it, let it go on, or cancel all that waits."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import ngettext

from .. import runtime
from ..bulk import purge_queue
from ..models import QueueState
from .pace import paces
from .page import PageAdmin, current_site
from .rows import depth, queue_rows

PAUSE, PURGE = "pause_queuestate", "purge_queuestate"
LONGEST_NAME = 100


@admin.register(QueueState)
class QueueAdmin(PageAdmin[QueueState]):
    """Each queue that a task names, a job waits or runs on, or that is paused."""

    template = "admin/flowrra_django/queues.html"
    title = "Queues"

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.post_url("pause/", self.pause_view, "pause"),
            self.post_url("resume/", self.resume_view, "resume"),
            self.url("purge/", self.purge_view, "purge"),
        ]

    def context(self, request: HttpRequest) -> dict[str, Any]:
        site = current_site()
        running = site.running()
        queues = site.queues(running)
        return {
            "queues": queue_rows(queues, running, paces([row["queue"] for row in queues])),
            "can_pause": self.may(request, PAUSE),
            "can_purge": self.may(request, PURGE),
        }

    def pause_view(self, request: HttpRequest) -> HttpResponse:
        """Have workers start no more jobs of a queue."""
        self.demand(request, PAUSE)
        name = request.POST.get("queue", "")[:LONGEST_NAME]
        if name:
            runtime.get_stores().backend.pause(name)
            self.log(request, [QueueState(name=name)], "Paused.")
            told = f"Queue {name!r} is paused: in a second or two, no worker starts its jobs."
            self.message_user(request, told, messages.SUCCESS)
        return self.back()

    def resume_view(self, request: HttpRequest) -> HttpResponse:
        """Let workers start jobs of a queue again."""
        self.demand(request, PAUSE)
        name = request.POST.get("queue", "")[:LONGEST_NAME]
        if name:
            runtime.get_stores().backend.resume(name)
            self.log(request, [QueueState(name=name)], "Resumed.")
            self.message_user(request, f"Queue {name!r} goes on.", messages.SUCCESS)
        return self.back()

    def purge_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the name of the queue first, then cancel all that waits on it."""
        self.demand(request, PURGE)
        given = request.POST if request.method == "POST" else request.GET
        name = given.get("queue", "")
        if not name:
            return self.back()
        if request.method == "POST" and given.get("typed") == name:
            return self._purge(request, name)
        context = {
            "title": f"Purge queue {name}",
            "name": name,
            "depth": depth(current_site().waiting(name)),
            "is_mistyped": request.method == "POST",
        }
        return self.render(request, "admin/flowrra_django/purge.html", context)

    def _purge(self, request: HttpRequest, name: str) -> HttpResponse:
        count = purge_queue(name, by=request.user.get_username())
        self.log(request, [QueueState(name=name)], f"Purged: {count} jobs were cancelled.")
        told = ngettext("%d job was cancelled.", "%d jobs were cancelled.", count) % count
        self.message_user(request, f"Queue {name!r}: {told}", messages.SUCCESS)
        return self.back()
