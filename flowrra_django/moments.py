"""Moments as a database has them: what somebody else wrote may have no name in Python."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import DateTimeField

LONG_PAST = datetime(1970, 1, 1)  # noqa: DTZ001 - whose zone it is in, its reader knows

# What is beyond the years that Python has, as infinity is, no driver of PostgreSQL can read.
IN_RANGE = """
CASE WHEN {0} < '0001-01-02Z' THEN '0001-01-02Z' WHEN {0} > '9999-12-30Z' THEN '9999-12-30Z'
ELSE {0} END
"""
# As an expression it comes as the text that is there: what Django makes of a column's may raise.
AS_TEXT = "+{0}"
READABLE = {"postgresql": IN_RANGE, "sqlite": AS_TEXT}


class MomentField(DateTimeField):  # type: ignore[type-arg]
    """A DateTimeField, to a migration and to the database, that can read whatever is there.

    Django's own raises for a moment that has no name in Python, and all rows of a query with it.
    """

    def get_internal_type(self) -> str:
        """Return what no database of Django's has a converter for: this one comes too late."""
        return "MomentField"

    def db_type(self, connection: Any) -> str | None:
        return DateTimeField().db_type(connection)

    def deconstruct(self) -> Any:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, options

    def select_format(self, compiler: Any, sql: str, params: Sequence[Any]) -> Any:
        readable = READABLE.get(compiler.connection.vendor, "{0}")
        return readable.format(sql), [*params] * readable.count("{0}")

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> datetime | None:
        if value is None:
            return None
        moment = moment_from(value)
        return moment.replace(tzinfo=moment.tzinfo or connection.timezone)


def moment_from(value: Any) -> datetime:
    """Return what a column holds as a moment, which SQLite has as text; what is none is long past.

    SQLite keeps anything in any column, and MySQL has days that are none. The first and the last
    hours that Python can name have no name in some zones.
    """
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return LONG_PAST
    if moment.year == 1:
        return LONG_PAST
    return moment - timedelta(days=1) if moment.date() == date.max else moment
