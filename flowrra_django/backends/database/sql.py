"""The statements of the ledger. Names of tables and columns are those of the models."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import orjson

from ...job import Job, Kind, Lane
from ...models import TaskRecord, WorkerProcess

TABLE = TaskRecord._meta.db_table
WORKERS = WorkerProcess._meta.db_table

# The table by way of one of its partial indexes. Left to itself, SQLite may take one that was made
# for the admin, and read all that waits, or runs, to answer for one queue or one worker.
BY_READY = f"{TABLE} INDEXED BY flowrra_ready"
BY_DELAYED = f"{TABLE} INDEXED BY flowrra_delayed"
BY_WORKER = f"{TABLE} INDEXED BY flowrra_running"

WAITING = "status IN ('pending', 'retrying')"
READY = f"{WAITING} AND due_at IS NULL"
# For jobs that are named: the plus keeps SQLite from looking through all that have such a status.
STILL_WAITING = f"+{WAITING}"
HELD = "id = %s AND worker = %s AND claim = %s AND status = 'running'"

JOB_COLUMNS = (
    "task_id, task_name, kind, args, kwargs, queue, priority, max_crashes, id, claim, attempts, "
    "failures, crashes, history"
)

INSERT = f"""
INSERT INTO {TABLE} (
    task_id, task_name, queue, kind, priority, status, args, kwargs, error, error_type, traceback,
    history, submitted_at, run_after, due_at, worker, claim, attempts, failures, crashes,
    max_crashes, cancel_requested, indexed, meta
) VALUES (
    %s, %s, %s, %s, %s, 'pending', %s, %s, '', '', '', '[]', %s, %s, %s, '', 0, 0, 0, 0, %s,
    FALSE, FALSE, '{{}}'
)
"""

# A claim, by whatever picks the rows; parameters: worker, now, …, worker.
CLAIM = f"""
UPDATE {TABLE}
SET status = 'running', worker = %s, started_at = %s, due_at = NULL,
    claim = claim + 1, attempts = attempts + 1
WHERE id IN ({{rows}}) AND EXISTS (SELECT 1 FROM {WORKERS} WHERE worker_id = %s)
RETURNING {JOB_COLUMNS}
"""

FINISH = f"""
UPDATE {TABLE}
SET status = %s, result = %s, error = %s, error_type = %s, traceback = %s, failures = %s,
    crashes = %s, history = %s, finished_at = %s
WHERE {HELD}
"""

AGAIN = f"""
UPDATE {TABLE}
SET status = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'retrying' END,
    finished_at = CASE WHEN cancel_requested THEN %s END,
    due_at = CASE WHEN cancel_requested THEN NULL ELSE %s END,
    worker = CASE WHEN cancel_requested THEN worker ELSE '' END,
    error = %s, error_type = %s, traceback = %s, failures = %s, crashes = %s, history = %s
WHERE {HELD}
"""

RELEASE = f"""
UPDATE {TABLE}
SET status = CASE WHEN cancel_requested THEN 'cancelled'
                  WHEN failures + crashes > 0 THEN 'retrying' ELSE 'pending' END,
    finished_at = CASE WHEN cancel_requested THEN %s END,
    due_at = CASE WHEN cancel_requested THEN NULL ELSE %s END,
    worker = CASE WHEN cancel_requested THEN worker ELSE '' END,
    kind = %s, attempts = attempts - 1
WHERE {HELD}
"""

CANCEL = f"""
UPDATE {TABLE}
SET status = CASE WHEN status = 'running' THEN status ELSE 'cancelled' END,
    finished_at = CASE WHEN status = 'running' THEN NULL ELSE %s END,
    cancel_requested = (status = 'running'), due_at = NULL
WHERE task_id IN ({{ids}}) AND +status IN ('pending', 'retrying', 'running')
RETURNING task_id
"""

RETRY = f"""
UPDATE {TABLE}
SET status = 'pending', result = NULL, error = '', error_type = '', traceback = '',
    started_at = NULL, finished_at = NULL, due_at = NULL, worker = '', attempts = 0, failures = 0,
    crashes = 0, cancel_requested = FALSE
WHERE task_id IN ({{ids}}) AND +status IN ('success', 'failed', 'cancelled')
RETURNING task_id, queue, kind, priority, id
"""

PRUNE = f"""
DELETE FROM {TABLE} WHERE id IN (
    SELECT id FROM {TABLE} WHERE finished_at IS NOT NULL AND finished_at < %s
    ORDER BY finished_at LIMIT %s
)
"""

# The lanes asked for, as a table, from one parameter: a compound of one SELECT for each could have
# no more than 500 terms. Materialized, they would count as a million, and SQLite would filter all
# jobs for them first. CROSS JOIN makes it go from the lanes to their jobs. What waits is asked for
# in two parts, each in the terms of its partial index.
LANES = """
WITH lanes (lane_queue, lane_kind) AS NOT MATERIALIZED (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(%s)
)
"""
OF_LANE = "queue = lane_queue AND kind = lane_kind"

WAITING_OF_LANES = f"""
{LANES}
SELECT task_id FROM lanes CROSS JOIN {BY_READY} WHERE {READY} AND {OF_LANE} UNION ALL
SELECT task_id FROM lanes CROSS JOIN {BY_DELAYED} WHERE due_at IS NOT NULL AND {OF_LANE}
LIMIT %s
"""

WORK = f"""
{LANES}
SELECT 1 FROM lanes CROSS JOIN {BY_READY} WHERE {READY} AND {OF_LANE} UNION ALL
SELECT 1 FROM lanes CROSS JOIN {BY_DELAYED}
WHERE due_at IS NOT NULL AND (due_at <= %s OR status = 'retrying') AND {OF_LANE}
LIMIT 1
"""

# The distinct queues of what waits, by jumping from one to the next in each partial index.
QUEUES = f"""
WITH RECURSIVE
ready(queue) AS (
    SELECT min(queue) FROM {BY_READY} WHERE {READY} UNION ALL
    SELECT (SELECT min(queue) FROM {BY_READY} WHERE {READY} AND queue > ready.queue)
    FROM ready WHERE ready.queue IS NOT NULL
),
delayed(queue) AS (
    SELECT min(queue) FROM {BY_DELAYED} WHERE due_at IS NOT NULL UNION ALL
    SELECT (SELECT min(queue) FROM {BY_DELAYED} WHERE due_at IS NOT NULL AND queue > delayed.queue)
    FROM delayed WHERE delayed.queue IS NOT NULL
)
SELECT queue FROM ready UNION SELECT queue FROM delayed
"""

ENLIST = f"""
INSERT INTO {WORKERS} (
    worker_id, host, pid, process, queues, kinds, version, started_at, beat_at
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

STRAYS = f"""
SELECT DISTINCT worker FROM {BY_WORKER}
WHERE status = 'running' AND worker NOT IN (SELECT worker_id FROM {WORKERS})
"""

DISMISS = f"DELETE FROM {WORKERS} WHERE worker_id = %s"

KINDS = {kind.value: kind for kind in Kind}


def job_from(row: Sequence[Any], started_at: datetime | None) -> Job:
    """Return the job that a row of `JOB_COLUMNS` describes."""
    (
        task_id, task_name, kind, args, kwargs, queue, priority, max_crashes, sequence, claim,
        attempts, failures, crashes, history,
    ) = row  # fmt: skip
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
        history=history,
        started_at=started_at,
    )


def as_table(lanes: Collection[Lane]) -> str:
    """Return the parameter of LANES."""
    return orjson.dumps([[lane.queue, lane.kind] for lane in lanes]).decode()


def placeholders(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
