"""The ledger's times: by its clock, and as its database has them."""

from __future__ import annotations

from datetime import datetime

from .. import runtime
from ..backends.database.engines import engine_of


def now() -> datetime:
    """Return the ledger's time, aware also where USE_TZ is off and Django's own is not."""
    return engine_of(runtime.ledger_alias()).clock()


def aware(moment: datetime) -> datetime:
    """Read a time as the ORM gives it: naive where USE_TZ is off."""
    return engine_of(runtime.ledger_alias()).read_moment(moment)
