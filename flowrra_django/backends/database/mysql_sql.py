"""The statements of the ledger as MySQL and MariaDB need them."""

from __future__ import annotations

from typing import NamedTuple

from . import sql

STATES = ("pending", "retrying")
NOTHING = "SELECT NULL AS walk, NULL AS priority, NULL AS id FROM DUAL WHERE FALSE"

# The first of all lanes, by the walk that they are on; parameters: of the lane's turn the start and
# the step, queue, kind, how many.
FIRST = """
SELECT {walk} AS walk, {lane} AS lane, %s AS start, %s AS step, priority, id FROM {by_ready}
WHERE status = '{state}' AND due_at IS NULL AND queue = %s AND kind = %s
ORDER BY priority, id LIMIT %s
"""
FIRST_OF_ALL = "{walks} ORDER BY priority, id LIMIT %s"
FIRST_BY_TURN = """
SELECT walk, start + step * (
    ROW_NUMBER() OVER (PARTITION BY lane ORDER BY priority, id) - 1
) AS turn
FROM ({walks}) AS firsts ORDER BY turn, priority, id LIMIT %s
"""

# So many of one walk that nobody else is just claiming; parameters: queue, kind, how many.
SHARE = """
SELECT id FROM {by_ready}
WHERE status = '{state}' AND due_at IS NULL AND queue = %s AND kind = %s
ORDER BY priority, id LIMIT %s FOR UPDATE SKIP LOCKED
"""

# The first job of the next priority of a walk; parameters, twice: queue, kind, up to which.
OF_WALK = "status = '{state}' AND due_at IS NULL AND queue = %s AND kind = %s"
NEXT_FRONT = f"""
SELECT {{lane}} AS lane, priority, id, task_id FROM {{by_ready}} WHERE {OF_WALK} AND priority = (
    SELECT max(priority) FROM {{by_ready}} WHERE {OF_WALK} AND priority <= %s
) ORDER BY id LIMIT 1
"""

# With all that is inserted as parameters, the driver sends a batch as one statement.
CONSTANTS = ("pending", "", "", "", "[]", "", 0, 0, 0, 0, False)
INSERT_ALL = f"""
INSERT INTO {sql.TABLE} (
    task_id, task_name, queue, kind, priority, args, kwargs, submitted_at, run_after, due_at,
    max_crashes, meta, unique_key, expires_at, status, error, error_type, traceback, history,
    worker, claim, attempts, failures, crashes, cancel_requested, indexed
) VALUES ({", ".join(["%s"] * 26)})
"""
INSERTS = {sql.INSERT: INSERT_ALL, sql.INSERT_UNIQUE: f"{INSERT_ALL} {{unless_there}}"}

LOCKED_HOLDERS = f"{sql.HOLDERS} LOCK IN SHARE MODE"

# The grouping is by what the index begins with, and so jumped through.
QUEUES = f"SELECT queue FROM {{by_ready}} WHERE {sql.WAITING} GROUP BY status, queue"


class OfLane(NamedTuple):
    """What to ask of each lane by itself, and what to make of all the answers.

    By a join with a table of lanes no index would be gone through from its middle.
    """

    asked: tuple[str, ...]
    made: str = "{answers}"


READY = f"FROM {{by_ready}} WHERE {sql.READY} AND {{of_lane}}"
DELAYED = "FROM {by_delayed} WHERE due_at IS NOT NULL AND {of_lane}"
WAITING = tuple(f"SELECT task_id {jobs} LIMIT %(value)s" for jobs in (READY, DELAYED))
NEXT_DUE = "SELECT min(due_at) FROM {by_delayed} WHERE {of_lane}"  # one look, without more said
DUE = f"{DELAYED} AND (due_at <= %(value)s OR status = 'retrying')"
OF_LANES = {
    sql.WAITING_OF_LANES: OfLane(WAITING, "{answers} LIMIT %(value)s"),
    sql.DEPTH: OfLane(WAITING, "SELECT count(*) FROM ({answers} LIMIT %(value)s) AS waiting"),
    sql.WORK: OfLane((f"SELECT 1 {READY} LIMIT 1", f"SELECT 1 {DUE} LIMIT 1"), "{answers} LIMIT 1"),
    sql.PEEK: OfLane((f"SELECT EXISTS (SELECT 1 {READY}), ({NEXT_DUE})",)),
}

# A batch of ends goes as one statement too, and of reports. The rows are gone through in their
# order, and looked up by their ids: else others would be locked. Parameters: those of each row.
ENDED = (
    "SELECT %s AS status, %s AS result, %s AS error, %s AS error_type, %s AS traceback, "
    "%s AS failures, %s AS crashes, %s AS history, %s AS finished_at, %s AS id, %s AS worker, "
    "%s AS claim"
)
FINISH_ALL = f"""
UPDATE ({{rows}}) AS ended STRAIGHT_JOIN {sql.TABLE} AS job FORCE INDEX (PRIMARY)
ON job.id = ended.id AND job.worker = ended.worker AND job.claim = ended.claim
SET job.result = ended.result, job.error = ended.error, job.error_type = ended.error_type,
    job.traceback = ended.traceback, job.failures = ended.failures, job.crashes = ended.crashes,
    job.history = ended.history, job.finished_at = ended.finished_at, job.status = ended.status,
    job.unique_key = NULL
WHERE job.status = 'running'
"""

TOLD = "SELECT %s AS progress, %s AS log, %s AS id, %s AS worker, %s AS claim"
REPORT_ALL = f"""
UPDATE ({{rows}}) AS told STRAIGHT_JOIN {sql.TABLE} AS job FORCE INDEX (PRIMARY)
ON job.id = told.id AND job.worker = told.worker AND job.claim = told.claim
SET job.progress = COALESCE(told.progress, job.progress), job.log = COALESCE(told.log, job.log)
WHERE job.status = 'running'
"""
TOGETHER = {sql.FINISH: (ENDED, FINISH_ALL), sql.REPORT: (TOLD, REPORT_ALL)}

# In a deletion, no index can be asked for but of a table that is joined.
DELETE_ALL = f"""
DELETE job FROM ({{ids}}) AS named STRAIGHT_JOIN {sql.TABLE} AS job FORCE INDEX (PRIMARY)
ON job.id = named.id
"""
