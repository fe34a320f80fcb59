"""Tasks: every one that is registered, how its last jobs went, and a call of it by hand."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse

from .. import runtime
from ..backends.database import browsing
from ..exceptions import FlowrraError
from ..live.progress import id_of
from ..models import RegisteredTask
from ..registry import Options, Task
from ..results import TaskStatus
from ..tasks import OWN
from .calling import example_of, read_arguments
from .elsewhere import is_elsewhere
from .page import PageAdmin
from .pieces import dotted
from .words import duration

RUN = "run_registeredtask"
LOOKED_AT = 50  # of the jobs of each task
MOST_TASKS = 300  # whose jobs are looked at
SHOWN_CHARS = 60


@admin.register(RegisteredTask)
class TaskAdmin(PageAdmin[RegisteredTask]):
    """What the web process has registered; a worker with other code may know others."""

    template = "admin/flowrra_django/tasks.html"
    title = "Tasks"

    def get_urls(self) -> list[URLPattern]:
        return [*super().get_urls(), self.url("run/", self.run_view, "run")]

    def context(self, request: HttpRequest) -> dict[str, Any]:
        known = [task for task in runtime.registry if task.name not in OWN]
        tasks = sorted(known, key=lambda task: task.name)
        has_jobs = not is_elsewhere() and len(tasks) <= MOST_TASKS
        jobs = _jobs([task.name for task in tasks]) if has_jobs else {}
        return {
            "tasks": [_row(task, jobs.get(task.name, [])) for task in tasks],
            "has_jobs": has_jobs,
            "looked_at": LOOKED_AT,
            "can_run": self.may(request, RUN),
        }

    def run_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the arguments first, then enqueue a call."""
        self.demand(request, RUN)
        given = request.POST if request.method == "POST" else request.GET
        task = runtime.registry.get(given.get("task", ""))
        if task is None or task.name in OWN:  # to which each user has a right of his own
            raise Http404("There is no such task.")
        text, problem = given.get("arguments", example_of(task)), ""
        if request.method == "POST":
            try:
                return self._enqueued(request, task, text)
            except (FlowrraError, TypeError, ValueError) as error:
                problem = str(error)
        context = {
            "title": f"Run {task.name} now",
            "task": task,
            "signature": str(task.signature),
            "about": inspect.getdoc(task.func),
            "text": text,
            "problem": problem,
        }
        return self.render(request, "admin/flowrra_django/run.html", context)

    def _enqueued(self, request: HttpRequest, task: Task, text: str) -> HttpResponse:
        args, kwargs = read_arguments(task, text)
        face: Any = runtime.senders[task.name]
        job = face.enqueue(*args, **kwargs)
        task_id = id_of(job)
        self.log(request, [RegisteredTask(pk=0)], f"Ran {task.name} as job {task_id}.")
        self.message_user(request, f"Job {task_id} is on its way.", messages.SUCCESS)
        if not self.may(request, "view_taskrecord"):
            return self.back()
        name = f"{self.admin_site.name}:flowrra_django_taskrecord_change"
        return HttpResponseRedirect(reverse(name, args=[task_id]))


def _jobs(names: Sequence[str]) -> dict[str, list[browsing.Ended]]:
    return browsing.ended_of_tasks(runtime.ledger_alias(), names, LOOKED_AT)


def _row(task: Task, jobs: Sequence[browsing.Ended]) -> dict[str, Any]:
    lengths = sorted(job.ran for job in jobs if job.ran is not None)
    done = sum(job.status == TaskStatus.SUCCESS for job in jobs)
    return {
        "name": task.name,
        "shown": dotted(task.name),
        "about": task.about,
        "kind": task.kind.value,
        "queue": task.queue,
        "priority": task.priority,
        "options": _options(task),
        "rate": f"{100 * done / len(jobs):.0f} %" if jobs else "-",
        "median": _at(lengths, 0.5),
        "slow": _at(lengths, 0.95),
    }


def _options(task: Task) -> list[str]:
    """Return the options that differ from what they are if nothing is said."""
    return [
        f"{field.name}={getattr(task, field.name)!r:.{SHOWN_CHARS}}"
        for field in fields(Options)
        if getattr(task, field.name) != field.default
    ]


def _at(lengths: Sequence[timedelta], share: float) -> str:
    return duration(lengths[int((len(lengths) - 1) * share)]) if lengths else "-"
