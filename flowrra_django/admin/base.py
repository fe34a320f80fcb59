"""What the pages have in common: they show what the engine wrote, and nobody edits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from .. import runtime

Row = TypeVar("Row", bound=Model)

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
else:

    class ModelAdmin(admin.ModelAdmin, Generic[Row]):
        """Django's own, which takes no parameter when it runs."""


class ReadOnlyAdmin(ModelAdmin[Row]):
    """Lists and shows rows of the ledger's database, in an order that an index has."""

    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css: ClassVar = {"all": ["flowrra_django/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        return super().get_queryset(request).using(runtime.ledger_alias())

    def url(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        """Return the address of a view, to be named like those of Django's own pages."""
        return path(
            route,
            self.admin_site.admin_view(view),
            name=f"{self.opts.app_label}_{self.opts.model_name}_{name}",
        )

    def post_url(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        return self.url(route, require_POST(view), name)

    def may(self, request: HttpRequest, codename: str) -> bool:
        """Whether the user has a permission of this app."""
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def log(
        self, request: HttpRequest, rows: Sequence[Model], message: str, action: int = CHANGE
    ) -> None:
        """Note in the admin's log what was done to each row."""
        LogEntry.objects.log_actions(cast(int, request.user.pk), rows, action, message)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
