"""Where the tables of this app are: in the database that `settings.FLOWRRA` names, alone."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from . import runtime
from .exceptions import ConfigurationError

APP = "flowrra_django"


class LedgerRouter:
    """For `DATABASE_ROUTERS`, where the ledger is in another database than the default one.

    Says nothing about the models of other apps, and nothing while `settings.FLOWRRA` has a
    mistake, which a system check tells of.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return _ledger() if model._meta.app_label == APP else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        ledger = _ledger() if app_label == APP else None
        return None if ledger is None else db == ledger


def _ledger() -> str | None:
    try:
        return runtime.ledger_alias()
    except ConfigurationError:
        return None
