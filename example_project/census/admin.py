"""The censuses and their files, to look at. The jobs themselves are under "Task results"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from .models import Census, SourceFile
from .report import render

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Model]
else:
    ModelAdmin = admin.ModelAdmin


class WrittenByJobs(ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Census)
class CensusAdmin(WrittenByJobs):
    list_display = ("__str__", "started_at", "finished_at")
    fields = ("root", "started_at", "finished_at", "report", "collector_id", "summary_id")

    def report(self, census: Census) -> str:
        if census.finished_at is None:
            return "It is not finished."
        return format_html("<pre>{}</pre>", render(census))


@admin.register(SourceFile)
class SourceFileAdmin(WrittenByJobs):
    list_display = ("path", "census", "job")
    list_filter = ("census",)
    list_select_related = ("census",)
    search_fields = ("path",)

    def job(self, file: SourceFile) -> str:
        """Link to the job's result, found by its id."""
        url = reverse("admin:flowrra_django_taskrecord_changelist", query={"task_id": file.task_id})
        return format_html('<a href="{}">{}</a>', url, file.task_id)
