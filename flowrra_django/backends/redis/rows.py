"""Jobs, results and times as the scripts take and give them: texts, and microseconds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from ...job import NO_HISTORY, Job, Kind, Lane, OnDuplicate
from ...reports import Report, log_from, progress_from, progress_text
from ...results import TaskResult, TaskStatus, attempts_from, count_retries
from ...serialization import Codec
from ..answers import Entry, Recorded, WorkerInfo
from ..briefs import Brief
from ..selection import Selection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = re.compile("-?[0-9]{1,16}")
MICROSECOND = timedelta(microseconds=1)
MILLION = 1_000_000

JOB_WIDTH = 8
RESULT = (
    "status", "name", "queue", "priority", "args", "kwargs", "attempts", "failures", "crashes",
    "submitted", "run_after", "started", "finished", "worker", "result", "error", "error_type",
    "traceback", "history", "meta", "progress", "log", "cancelled_by", "was_stopped",
    "expires",
)  # fmt: skip
BRIEF = ("status", "name", "queue", "claim", "progress")
KINDS = {kind.value: kind for kind in Kind}


def lane_text(lane: Lane) -> str:
    return f"{lane.kind.value}:{lane.queue}"


def turns_text(lanes: Collection[Lane], turns: Mapping[Lane, tuple[float, float]]) -> str:
    """Return the turns of the lanes, in their order, as the scripts read them."""
    return " ".join(repr(value) for lane in lanes for value in turns[lane]) if turns else ""


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def micros_of(seconds: float) -> int:
    return max(0, round(seconds * MILLION))


def number(value: str | None) -> int | None:
    """Return a whole number as the scripts know it; None for what is none."""
    return int(value) if value and NUMBER.fullmatch(value) else None


def moment_of(value: str) -> datetime:
    return EPOCH + timedelta(microseconds=int(value))


def moment(value: str | None) -> datetime | None:
    return moment_of(value) if value else None


def new_row(job: Job) -> tuple[Any, ...]:
    """Return the arguments of record.lua for a job."""
    match job.run_after:
        case None:
            when: tuple[str, int] = ("", 0)
        case timedelta() as delay:
            when = ("in", delay // MICROSECOND)
        case at:
            when = ("at", micros(at))
    return (
        job.task_id, job.task_name, job.kind.value, job.queue, job.priority, job.max_crashes,
        job.args, job.kwargs, job.meta, *when, job.unique_key or "", job.on_duplicate.value,
        "" if job.expires_in is None else job.expires_in // MICROSECOND,
    )  # fmt: skip


def selection_row(selection: Selection, now: int) -> tuple[Any, ...]:
    """Return the arguments of select.lua, but for where to go on."""
    age = 0 if selection.older_than is None else micros_of(selection.older_than)
    names = (*_counted(selection.tasks), *_counted(selection.queues))
    return ",".join(selection.statuses), now - age, *names


def _counted(names: Collection[str] | None) -> tuple[Any, ...]:
    return (-1,) if names is None else (len(names), *names)


def recorded(jobs: Sequence[Job], first: int, found: Sequence[str]) -> Recorded:
    """Return what record.lua made of the jobs; the index knows it, but for whom to wake."""
    made = Recorded([], [], {})
    for n, (job, holder, delay) in enumerate(zip(jobs, found[::2], found[1::2], strict=True)):
        entry = Entry(job.task_id, job.lane, job.priority, first + n, int(delay) / MILLION)
        if not holder:
            made.entries.append(entry)
            continue
        made.duplicates[job.task_id] = holder
        if job.on_duplicate is OnDuplicate.REPLACE:
            made.replaced.append(entry._replace(task_id=holder))
    return made


def job_from(row: Sequence[str], worker_id: str, started_at: datetime | None) -> Job:
    """Return the job that a script describes, as this worker holds it."""
    task_id, task_name, queue, args, kwargs, history, meta, numbers = row
    kind, *counts, submitted, run_after = numbers.split(" ")
    priority, max_crashes, sequence, claim, attempts, failures, crashes = map(int, counts)
    return Job(
        task_id=task_id,
        task_name=task_name,
        kind=KINDS[kind],
        args=args,
        kwargs=kwargs,
        queue=queue,
        priority=priority,
        max_crashes=max_crashes,
        sequence=sequence,
        claim=claim,
        attempts=attempts,
        failures=failures,
        crashes=crashes,
        history=_sound(history),
        meta=meta,
        worker=worker_id,
        run_after=None if run_after == "-" else moment_of(run_after),
        submitted_at=moment_of(submitted),
        started_at=started_at,
    )


def entry_from(row: Sequence[str]) -> Entry:
    """Return what waits, from its id, kind, queue, priority, number and perhaps delay."""
    task_id, kind, queue, priority, sequence, *delay = row
    lane = Lane(queue, KINDS[kind])
    seconds = int(delay[0]) / MILLION if delay else 0.0
    return Entry(task_id, lane, int(priority), int(sequence), seconds)


def result_from(task_id: str, row: Sequence[str | None], codec: Codec) -> TaskResult | None:
    """Return the job that the values of RESULT make; None if they make none."""
    values = dict(zip(RESULT, row, strict=True))
    try:
        return _result(task_id, values, codec)
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def brief_from(task_id: str, row: Sequence[str | None]) -> Brief | None:
    """Return how a job stands whose values of BRIEF these are; None if they make none."""
    status, name, queue, claim, progress = row
    try:
        return Brief.from_row(
            task_id, status or "", name or "", queue or "", int(claim or 0), progress
        )
    except ValueError:
        return None


def _result(task_id: str, values: dict[str, Any], codec: Codec) -> TaskResult:
    status = TaskStatus(values["status"])
    failures, crashes = int(values["failures"]), int(values["crashes"])
    result, error_type = values["result"], values["error_type"]
    return TaskResult(
        task_id=task_id,
        status=status,
        task_name=values["name"],
        result=None if result is None else codec.decode(result, strict=False),
        error=values["error"] if error_type else None,
        submitted_at=moment(values["submitted"]),
        started_at=moment(values["started"]),
        finished_at=moment(values["finished"]),
        retries=count_retries(status, failures, crashes),
        args=tuple(codec.decode(values["args"], strict=False)),
        kwargs=codec.decode(values["kwargs"], strict=False),
        queue=values["queue"],
        priority=int(values["priority"]),
        run_after=moment(values["run_after"]),
        attempts=int(values["attempts"]),
        failures=failures,
        crashes=crashes,
        worker=values["worker"],
        error_type=error_type,
        traceback=values["traceback"] or None,
        history=attempts_from(values["history"]),
        meta=orjson.loads(values["meta"]),
        progress=progress_from(values["progress"]),
        log=log_from(values["log"]),
        cancelled_by=values["cancelled_by"] or None,
        was_stopped=None if values["was_stopped"] is None else values["was_stopped"] == "1",
        expires_at=moment(values["expires"]),
    )


def report_row(report: Report, log: str) -> tuple[Any, ...]:
    """Return the arguments of report.lua; `log` is the new one, "" if there are no new lines."""
    job = report.job
    return job.task_id, job.claim, progress_text(report.progress) or "", log


def info_text(worker: WorkerInfo) -> bytes:
    """Return what a worker says of itself, for `info_from`."""
    return orjson.dumps(
        [worker.host, worker.pid, worker.process, worker.queues, worker.kinds, worker.version]
    )


def info_from(worker_id: str, text: str) -> WorkerInfo:
    """Return the worker; of one whose text somebody has spoilt, only the id."""
    try:
        host, pid, process, queues, kinds, version = orjson.loads(text)
        return WorkerInfo(
            worker_id=worker_id,
            host=str(host),
            pid=int(pid),
            process=str(process),
            queues=tuple(queues),
            kinds=tuple(KINDS[kind] for kind in kinds),
            version=str(version),
        )
    except (ValueError, TypeError, KeyError):
        return WorkerInfo(worker_id=worker_id)


def _sound(history: str) -> str:
    """Return the history, or none if it is not one: what adds to it relies on that."""
    try:
        attempts_from(history)
    except (ValueError, TypeError, KeyError):
        return NO_HISTORY
    return history
