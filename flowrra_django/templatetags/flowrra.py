"""`{% load flowrra %}`: jobs on a site's own pages, and the admin's pages kept up to date."""

from __future__ import annotations

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.template.context import RequestContext
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language, gettext

from ..live import addresses, progress, signing

register = template.Library()


@register.inclusion_tag("flowrra_django/progress.html", takes_context=True)
def flowrra_progress(
    context: RequestContext, job: Any, label: str = "", max_age: int = signing.A_DAY
) -> dict[str, Any]:
    """Show how far a job is, for `max_age` seconds, to whoever sees the page.

    The job is what `enqueue` returned, a `TaskResult`, or an id. `label` is what a screen reader
    calls the bar: "Progress", unless it is given. Words are in the page's language.
    """
    task_id = progress.id_of(job)
    token = signing.sign(task_id, max_age)
    spoken = f"?{progress.LANGUAGE}={get_language() or ''}"  # a socket knows no other way
    socket = addresses.job_socket(context.get("request"), token)
    return {
        "state": progress.state_of(progress.look_now(task_id)),
        "label": label or gettext("Progress"),
        "poll": _address_of(token) + spoken,
        "socket": socket and socket + spoken,
    }


@register.inclusion_tag("flowrra_django/live.html", takes_context=True)
def flowrra_live(context: RequestContext) -> dict[str, Any]:
    """Keep a page of the admin up to date."""
    return {"socket": addresses.jobs_socket(context.get("request"))}


def _address_of(token: str) -> str:
    try:
        return reverse("flowrra_live:job", args=[token])
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            "{% flowrra_progress %} needs an address. Add to the site's urlpatterns: "
            'path("flowrra/", include("flowrra_django.live.urls"))'
        ) from error
