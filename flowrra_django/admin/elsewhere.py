"""Task results of a ledger that is no database: the latest, and any one by its id."""

from __future__ import annotations

from typing import Any

import orjson

from .. import runtime
from ..instances import InstanceCodec
from ..models import TaskRecord
from ..reports import log_with, progress_fields
from ..results import TaskResult, TaskStatus
from ..serialization import JsonCodec

SHOWN = 100


def is_elsewhere() -> bool:
    """Whether the ledger is no database, and so has no rows to filter and search."""
    backend = runtime.get_config().backend
    return backend is not None and backend.family != "database"


def latest() -> list[TaskRecord]:
    """Return the jobs that ended last, without what may be long; the last one first."""
    backend = runtime.get_stores().backend
    ids = backend.latest(SHOWN)
    found = backend.summaries(ids)
    return [record_of(found[task_id]) for task_id in ids if task_id in found]


def find(task_id: str) -> TaskRecord | None:
    """Return a job by its id."""
    result = runtime.get_stores().backend.results([task_id]).get(task_id)
    return None if result is None else record_of(result)


def record_of(result: TaskResult) -> TaskRecord:
    """Return a record of a job that is in no table; its key is its id."""
    record = TaskRecord(
        **{name: getattr(result, name) for name in SAME},
        task_name=result.task_name or "",
        due_at=result.run_after if result.status is TaskStatus.PENDING else None,
        cancel_requested=result.cancelled_by is not None,
        status=result.status.value,
        args=_text([*result.args]),
        kwargs=_text({**result.kwargs}),
        result=_text(result.result) if result.is_success else None,
        worker=result.worker or "",
        error=result.error or "",
        error_type=result.error_type or "",
        traceback=result.traceback or "",
        history=orjson.dumps(result.to_dict()["history"]).decode(),
        meta={**result.meta},
        progress=progress_fields(result.progress),
        log=log_with(None, result.log) if result.log else None,
    )
    record.pk = result.task_id  # by which it is found again
    return record


SAME = (
    "task_id", "queue", "priority", "submitted_at", "run_after", "started_at", "finished_at",
    "attempts", "failures", "crashes", "cancelled_by", "was_stopped",
    "expires_at",
)  # fmt: skip


def _text(value: Any) -> str:
    """Return a value as the JSON text of a record; what JSON cannot carry, as Python shows it."""
    try:
        return JsonCodec(InstanceCodec()).encode(value)
    except (TypeError, ValueError):
        return orjson.dumps(repr(value)).decode()
