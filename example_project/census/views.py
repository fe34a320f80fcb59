"""The site's own pages: what there is, and one census as it goes on."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from .models import Census
from .report import render as render_report
from .tasks import begin

SHOWN = 20


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    context = {"censuses": Census.objects.all()[:SHOWN], "tree": settings.CENSUS_TREE}
    return render(request, "census/index.html", context)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    return redirect("census", begin(Path(settings.CENSUS_TREE)).pk)


@require_safe
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a census: its bar, and its figures once there are some."""
    census = get_object_or_404(Census, pk=pk)
    report = render_report(census) if census.finished_at else ""
    return render(request, "census/page.html", {"census": census, "report": report})
