"""Find jobs by a text in their arguments or their error, as far as those who look may see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import islice
from operator import or_

import orjson
from django.db.models import Q, Value
from django.db.models.functions import StrIndex, Substr
from django.db.models.lookups import GreaterThan

from .. import runtime
from ..models import TaskRecord

LOOKED_AT = 1_000
AT_ONCE = 500
MOST = 100
CHARS = 10_000  # of an argument list or an error: a megabyte takes as long as a thousand jobs
SEEN = ("pk", "task_name", "args", "kwargs", "error_type", "error")


def holding(ids: Sequence[int], text: str) -> list[int]:
    """Return which of the first LOOKED_AT jobs show the text, in their order: up to MOST."""
    looked_at = ids[:LOOKED_AT]
    steps = range(0, len(looked_at), AT_ONCE)
    found = (pk for at in steps for pk in _found(looked_at[at : at + AT_ONCE], text))
    return [*islice(found, MOST)]


def _found(ids: Sequence[int], text: str) -> Iterator[int]:
    """Yield those of some jobs. What is masked is not found: else one could guess at it."""
    in_json = orjson.dumps(text).decode()[1:-1]
    called, failed = _with(in_json, "args", "kwargs"), _with(text, "error_type", "error")
    jobs = TaskRecord.objects.using(runtime.ledger_alias()).filter(pk__in=ids)
    rows = jobs.filter(called | failed).order_by("-pk").values_list(*SEEN)
    for pk, *call, error_type, error in rows:
        if text in error_type or text in error or in_json in _shown(*call):
            yield pk


def _with(text: str, *columns: str) -> Q:
    """Ask whether one of some columns begins with what holds a text; LIKE would take longer."""
    beginnings = [Substr(column, 1, CHARS) for column in columns]
    holds = [Q(GreaterThan(StrIndex(part, Value(text)), 0)) for part in beginnings]
    return reduce(or_, holds)


def _shown(task_name: str, args: str, kwargs: str) -> str:
    masker = runtime.get_masker()
    try:
        given = masker.arguments(task_name, orjson.loads(args)), masker.value(orjson.loads(kwargs))
        return orjson.dumps(given).decode()
    except (RecursionError, TypeError, ValueError):  # nobody knows what is in there
        return ""
