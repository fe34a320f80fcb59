"""Pages that are no list of rows: each stands where the list of its model would."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from .. import runtime
from ..asking import Site
from .base import ReadOnlyAdmin, Row


def current_site() -> Site:
    """Return what can be asked about the jobs of this site."""
    timeout = runtime.get_config().executor.heartbeat_timeout
    return Site(runtime.registry, runtime.get_stores(), timeout)


class PageAdmin(ReadOnlyAdmin[Row]):
    """One page, for those who may view its model, and what it sends to, by POST alone."""

    template: str
    title: str

    @abstractmethod
    def context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the page is made of."""

    def get_urls(self) -> list[URLPattern]:
        return [self.url("", self.changelist_view, "changelist")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.render(
            request, self.template, {**self.context(request), **(extra_context or {})}
        )

    def render(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> TemplateResponse:
        around = {
            **self.admin_site.each_context(request),
            "title": self.title,
            "opts": self.opts,
            "media": self.media,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, {**around, **context})

    def demand(self, request: HttpRequest, codename: str) -> None:
        """Raise PermissionDenied unless the user has a permission of this app."""
        if not self.may(request, codename):
            raise PermissionDenied

    def back(self) -> HttpResponseRedirect:
        """Go to the page."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:{name}"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
