"""The statements of the ledger. Names of tables and columns are those of the models.

Those with words in braces are templates: `Engine.render` puts the words of an engine there.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ...job import FIRST_PRIORITY
from ...models import QueueState, TaskRecord, WorkerProcess
from ...results import FINAL, UNFINISHED, WAITING as WAITING_STATES, TaskStatus
from ..base import MOST_FRONTS
from .rows import LARGEST

TABLE = TaskRecord._meta.db_table
WORKERS = WorkerProcess._meta.db_table
QUEUES_TABLE = QueueState._meta.db_table


WAITING = "status IN ('pending', 'retrying')"
READY = f"{WAITING} AND due_at IS NULL"
# For jobs that are named: nobody should look through all that have such a status instead.
STILL_WAITING = f"{{unindexed}}{WAITING}"
# The columns of moments that are read by statements of here: see `Engine.moments`.
MOMENTS = {
    "submitted_at": "submitted_at",
    "run_after": "run_after",
    "started_at": "started_at",
    "expires_at": "expires_at",
    "due_at": "due_at",
    "first_due_at": "min(due_at)",
    "waiting_since": "min(coalesce(run_after, submitted_at))",
}
HELD = "id = %s AND {unindexed}worker = %s AND claim = %s AND status = 'running'"

JOB_COLUMNS = (
    "task_id, task_name, kind, args, kwargs, queue, priority, max_crashes, id, claim, attempts, "
    "failures, crashes, history, meta, {run_after}, {submitted_at}"
)

EXPIRING_COLUMNS = "id, task_id, {submitted_at}, {expires_at}, claim, status"
CLAIMED_COLUMNS = f"{JOB_COLUMNS}, unique_key, {EXPIRING_COLUMNS}"

INSERTED = (
    "task_id, task_name, queue, kind, priority, status, args, kwargs, error, error_type, "
    "traceback, history, submitted_at, run_after, due_at, worker, claim, attempts, failures, "
    "crashes, max_crashes, cancel_requested, indexed, meta, unique_key, expires_at"
)
INSERT = f"""
INSERT INTO {TABLE} ({INSERTED}) VALUES (
    %s, %s, %s, %s, %s, 'pending', %s, %s, '', '', '', '[]', %s, %s, %s, '', 0, 0, 0, 0, %s,
    FALSE, {{indexed}}, %s, %s, %s
)
"""

# Of the jobs with one key only the first is kept, and then it is looked up who that is.
INSERT_UNIQUE = INSERT + " {unless_there}"

# Which job has each key.
HOLDERS = f"SELECT unique_key, task_id FROM {TABLE} WHERE unique_key IN ({{keys}})"

# No number of ours comes that far: what has it is malformed, and stays so, for `is_sound` to see.
ONE_MORE = f"CASE WHEN {{0}} < {LARGEST} THEN {{0}} + 1 ELSE {{0}} END"

# A claim, by whatever picks the rows; parameters: worker, now, …, worker.
CLAIMED = f"""
status = 'running', worker = %s, started_at = %s, due_at = NULL, progress = NULL,
claim = {ONE_MORE.format("claim")}, attempts = {ONE_MORE.format("attempts")}
"""
ENLISTED = f"SELECT 1 FROM {WORKERS} WHERE worker_id = %s {{worker_locked}}"
CLAIM = f"""
UPDATE {TABLE} SET {CLAIMED} WHERE id {{among}} {{rows}} {{end}} AND EXISTS ({ENLISTED})
RETURNING {CLAIMED_COLUMNS}
"""


# The jobs of these ids that can be claimed; parameters: ids, now.
CLAIMABLE = f"""
SELECT id FROM {{by_task_id}}
WHERE task_id IN ({{ids}}) AND {STILL_WAITING} AND (due_at IS NULL OR due_at <= %s) {{locked}}
"""

UNINDEXED = f"""
SELECT task_id, queue, kind, priority, id, claim, {{due_at}} AS due_at FROM {{by_unindexed}}
WHERE {{not_indexed}} AND {WAITING} AND id > %s AND submitted_at < %s ORDER BY id LIMIT %s
"""
# Of each state by itself, since only so an index has them in this order.
ALL_WAITING = " UNION ALL ".join(
    f"""
SELECT * FROM (
    SELECT task_id, queue, kind, priority, id, claim, {{due_at}} AS due_at FROM {{by_status}}
    WHERE status = '{state}' AND id > %s AND submitted_at < %s ORDER BY id LIMIT %s
) AS {state}
"""
    for state in ("pending", "retrying")
)
# Parameters: ids, the claim that all of them have.
MARK = f"""
UPDATE {{by_id}} SET indexed = TRUE
WHERE id IN ({{ids}}) AND claim = %s AND {STILL_WAITING} AND NOT indexed
"""

STILL_WAITING_ENTRIES = f"""
SELECT task_id, queue, kind, priority, id, {{due_at}} FROM {TABLE}
WHERE {{key}} IN ({{ids}}) AND {STILL_WAITING}
"""

FINISH = f"""
UPDATE {TABLE}
SET status = %s, result = %s, error = %s, error_type = %s, traceback = %s, failures = %s,
    crashes = %s, history = %s, finished_at = %s, unique_key = NULL
WHERE {HELD}
"""

# The same for a job that was cancelled while it ran; before its parameters: was_stopped.
STOPPED = FINISH.replace("SET ", "SET was_stopped = %s, ", 1)

# Parameters: progress and log, or NULL for no news of it.
REPORT = f"""
UPDATE {TABLE} SET progress = COALESCE(%s, progress), log = COALESCE(%s, log) WHERE {HELD}
"""
LOGS = f"SELECT id, log FROM {TABLE} WHERE id IN ({{ids}})"

AGAIN = f"""
UPDATE {TABLE}
SET status = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'retrying' END,
    finished_at = CASE WHEN cancel_requested THEN {{moment}} END,
    due_at = CASE WHEN cancel_requested THEN NULL ELSE {{moment}} END,
    worker = CASE WHEN cancel_requested THEN worker ELSE '' END, indexed = {{indexed}},
    unique_key = CASE WHEN cancel_requested THEN NULL ELSE unique_key END,
    error = %s, error_type = %s, traceback = %s, failures = %s, crashes = %s, history = %s
WHERE {HELD}
"""

RELEASE = f"""
UPDATE {TABLE}
SET status = CASE WHEN cancel_requested THEN 'cancelled'
                  WHEN failures + crashes > 0 THEN 'retrying' ELSE 'pending' END,
    finished_at = CASE WHEN cancel_requested THEN {{moment}} END,
    due_at = CASE WHEN cancel_requested THEN NULL ELSE {{moment}} END,
    worker = CASE WHEN cancel_requested THEN worker ELSE '' END, indexed = {{indexed}},
    unique_key = CASE WHEN cancel_requested THEN NULL ELSE unique_key END,
    kind = %s, attempts = attempts - 1
WHERE {HELD}
"""


class Change(NamedTuple):
    """What to make of named jobs that are in one of some states; `columns` is what to return."""

    assignments: str
    states: Collection[TaskStatus]
    columns: str

    def among(self, states: Collection[TaskStatus]) -> Change:
        """Return the same change, of jobs in fewer states."""
        return self._replace(states=[state for state in self.states if state in states])


CHANGEABLE = "task_id IN ({ids}) AND {unindexed}status IN ({states})"
CHANGE = f"UPDATE {TABLE} SET {{assignments}} WHERE {CHANGEABLE} RETURNING {{columns}}"

DELETE = f"DELETE FROM {TABLE} WHERE {CHANGEABLE} RETURNING task_id"

# Parameters: who asks, now, ids.
CANCEL = Change(
    """
    cancelled_by = COALESCE(cancelled_by, %s),
    status = CASE WHEN status = 'running' THEN status ELSE 'cancelled' END,
    finished_at = CASE WHEN status = 'running' THEN NULL ELSE {moment} END,
    cancel_requested = (status = 'running'), due_at = NULL,
    unique_key = CASE WHEN status = 'running' THEN unique_key END
    """,
    UNFINISHED,
    "task_id",
)

RETRY = Change(
    """
    status = 'pending', result = NULL, error = '', error_type = '', traceback = '',
    started_at = NULL, finished_at = NULL, due_at = NULL, worker = '', attempts = 0, failures = 0,
    crashes = 0, cancel_requested = FALSE, cancelled_by = NULL, was_stopped = NULL,
    progress = NULL, expires_at = NULL, indexed = {indexed}
    """,
    FINAL,
    "task_id, queue, kind, priority, id",
)

# Parameters: now, now, ids. A retry keeps when its job was first to run: it has been since.
RUN_NOW = Change(
    f"""
    run_after = CASE WHEN run_after > {{moment}} THEN {{moment}} ELSE run_after END,
    due_at = NULL, priority = {FIRST_PRIORITY}, indexed = {{indexed}}
    """,
    WAITING_STATES,
    f"task_id, queue, kind, {FIRST_PRIORITY}, id",  # MySQL tells what a row was before
)

# What ended before a moment; parameters: the moment, how many.
PRUNABLE = f"""
SELECT id FROM {TABLE} WHERE finished_at IS NOT NULL AND finished_at < %s
ORDER BY finished_at LIMIT %s {{skip_locked}}
"""
PRUNE = f"DELETE FROM {TABLE} WHERE id {{among}} {PRUNABLE} {{end}}"

# The statements that read `lanes` are for `Engine.of_lanes`.
OF_LANE = "queue = lane_queue AND kind = lane_kind"

# What waits is asked for in two parts, each in the terms of its own index.
WAITING_OF_LANES = f"""
SELECT task_id FROM lanes CROSS JOIN {{by_ready}} WHERE {READY} AND {OF_LANE} UNION ALL
SELECT task_id FROM lanes CROSS JOIN {{by_delayed}} WHERE due_at IS NOT NULL AND {OF_LANE}
LIMIT %s
"""

WORK = f"""
SELECT 1 FROM lanes CROSS JOIN {{by_ready}} WHERE {READY} AND {OF_LANE} UNION ALL
SELECT 1 FROM lanes CROSS JOIN {{by_delayed}}
WHERE due_at IS NOT NULL AND (due_at <= %s OR status = 'retrying') AND {OF_LANE}
LIMIT 1
"""

# Whether each lane has something to take, and when its first delayed job is due.
PEEK = f"""
SELECT EXISTS (SELECT 1 FROM {{by_ready}} WHERE {READY} AND {OF_LANE}),
       (SELECT {{first_due_at}} FROM {{by_delayed}} WHERE due_at IS NOT NULL AND {OF_LANE})
FROM lanes
"""

# Delayed jobs that are due now wait like others; parameters: now, queue, kind, how many.
PROMOTABLE = """
SELECT id FROM {by_delayed}
WHERE due_at IS NOT NULL AND due_at <= %s AND queue = %s AND kind = %s
ORDER BY due_at LIMIT %s {skip_locked}
"""
PROMOTE = f"UPDATE {TABLE} SET due_at = NULL WHERE id {{among}} {PROMOTABLE} {{end}}"

DEPTH = f"SELECT count(*) FROM ({WAITING_OF_LANES}) AS waiting"

# The same of each lane, and since when the first ones wait. In the order of an index, and no more
# than are wanted, they are found there. Parameters: how many, how many; how many.
FIRST_READY = "FROM {by_ready} WHERE " + f"{READY} AND {OF_LANE} ORDER BY priority, id LIMIT %s"
FIRST_DELAYED = (
    "FROM {by_delayed} WHERE " + f"due_at IS NOT NULL AND {OF_LANE} ORDER BY due_at LIMIT %s"
)
DEPTHS = f"""
SELECT lane_queue, (SELECT count(*) FROM (SELECT 1 {FIRST_READY}) AS ready) +
    (SELECT count(*) FROM (SELECT 1 {FIRST_DELAYED}) AS delayed)
FROM lanes
"""
SINCE = f"""
SELECT lane_queue,
    (SELECT {{waiting_since}} FROM (SELECT run_after, submitted_at {FIRST_READY}) AS firsts),
    (SELECT {{first_due_at}} FROM {{by_delayed}} WHERE due_at IS NOT NULL AND {OF_LANE})
FROM lanes
"""

# The distinct queues of what waits, by jumping from one to the next in each partial index.
QUEUES = f"""
WITH RECURSIVE
ready(queue) AS (
    SELECT min(queue) FROM {{by_ready}} WHERE {READY} UNION ALL
    SELECT (SELECT min(queue) FROM {{by_ready}} WHERE {READY} AND queue > ready.queue)
    FROM ready WHERE ready.queue IS NOT NULL
),
delayed(queue) AS (
    SELECT min(queue) FROM {{by_delayed}} WHERE due_at IS NOT NULL UNION ALL
    SELECT (
        SELECT min(queue) FROM {{by_delayed}} WHERE due_at IS NOT NULL AND queue > delayed.queue
    ) FROM delayed WHERE delayed.queue IS NOT NULL
)
SELECT queue FROM ready UNION SELECT queue FROM delayed
"""

# Parameters: ids, a moment.
OVERDUE = f"""
SELECT id, task_id FROM {TABLE}
WHERE task_id IN ({{ids}}) AND {STILL_WAITING} AND coalesce(run_after, submitted_at) < %s
"""

# The first job of each priority of each lane, by jumping from one priority to the next.
OF_CLASS = "queue = class_queue AND kind = class_kind"
FRONTS = f"""
, classes (class_queue, class_kind, class_priority, number) AS (
    SELECT lane_queue, lane_kind, (
        SELECT max(priority) FROM {{by_ready}} WHERE {READY} AND {OF_LANE}
    ), 1 FROM lanes
    UNION ALL
    SELECT class_queue, class_kind, (
        SELECT max(priority) FROM {{by_ready}}
        WHERE {READY} AND {OF_CLASS} AND priority < class_priority
    ), number + 1 FROM classes WHERE class_priority IS NOT NULL AND number < {MOST_FRONTS}
)
SELECT task_id FROM {TABLE} WHERE id {{among}} SELECT (
    SELECT min(id) FROM {{by_ready}} WHERE {READY} AND {OF_CLASS} AND priority = class_priority
) FROM classes WHERE class_priority IS NOT NULL {{end}}
"""

JOBS_OF_WORKER = f"""
SELECT {JOB_COLUMNS}, {{started_at}} FROM {{by_worker}} WHERE worker = %s AND status = 'running'
"""

# The jobs to stop, and a row without an id if the worker is to end; parameters: its id, twice.
ORDERS = f"""
SELECT task_id, claim, cancelled_by FROM {{by_worker}}
WHERE worker = %s AND status = 'running' AND cancel_requested
UNION ALL SELECT '', 0, '' FROM {WORKERS} WHERE worker_id = %s AND is_draining
"""

# A row that is no job; parameters: error, error's type, now, id.
SPOIL = f"""
UPDATE {TABLE}
SET status = 'failed', error = %s, error_type = %s, finished_at = %s, due_at = NULL,
    unique_key = NULL
WHERE id = %s AND {{unindexed}}status IN ('pending', 'retrying', 'running')
"""
