"""What is too large for the server: it would hang up, which looks as if it were away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import DataError

ASK_LIMIT = "SELECT @@max_allowed_packet"
SURELY_FITS = 65_536
ROOM = 1024  # for what is counted by the rule of thumb
MOST_BYTES = 4  # of a character; what is escaped has one, and gets another
OTHER_BYTES = 32  # of a number, a moment or NULL
ESCAPED = b"\0\n\r\x1a\"'\\"

Values = Sequence[Any] | Mapping[str, Any] | None


def refuse_too_large(
    execute: Callable[..., Any], statement: str, parameters: Any, many: bool, context: Any
) -> Any:
    """Execute what the server takes; DataError for what is too large. A wrapper of Django's."""
    rows: Sequence[Values] = parameters if many else [parameters]
    if max((_at_most(statement, row) for row in rows), default=0) > SURELY_FITS:
        size = max(_size(statement, row) for row in rows)
        with context["connection"].cursor() as cursor:
            cursor.execute(ASK_LIMIT)
            (limit,) = cursor.fetchone()
        if size + ROOM > limit:
            raise DataError(
                f"This takes {size:,} bytes, and the database server's max_allowed_packet is "
                f"{limit:,}. Keep less in one job, or set the server a higher limit."
            )
    return execute(statement, parameters, many, context)


def _at_most(statement: str, values: Values) -> int:
    """Return what a statement takes at most, in no time."""
    texts = sum(len(v) if isinstance(v, str) else OTHER_BYTES for v in _each(values))
    return MOST_BYTES * (len(statement) + texts)


def _size(statement: str, values: Values) -> int:
    """Return how many bytes a statement takes on its way."""
    return len(statement.encode()) + sum(map(_bytes_of, _each(values)))


def _bytes_of(value: Any) -> int:
    if not isinstance(value, str):
        return OTHER_BYTES
    raw = value.encode("utf-8", "surrogatepass")  # the driver says what is wrong with it
    return 2 * len(raw) - len(raw.translate(None, ESCAPED))


def _each(values: Values) -> Sequence[Any]:
    return [*values.values()] if isinstance(values, Mapping) else values or ()
