"""What somebody else has written into the store."""

from __future__ import annotations

import random
from typing import Any

from . import outlets
from .engines import (
    DATABASES,
    LEDGERS_IN_DATABASES,
    REDIS,
    REDIS_OVER_POSTGRESQL,
    Engine,
    private,
)
from .scenario import fault
from .site import Site, size

COLUMNS = {
    "task_id": "", "task_name": "tests.faults.tasks.nap", "queue": "default", "kind": "io",
    "priority": 0, "status": "pending", "args": "[0, 0]", "kwargs": "{}", "error": "",
    "error_type": "", "traceback": "", "history": "[]", "submitted_at": "2026-01-01 00:00:00",
    "run_after": None, "due_at": None, "worker": "", "claim": 0, "attempts": 0, "failures": 0,
    "crashes": 0, "max_crashes": 3, "cancel_requested": False, "indexed": False, "meta": "{}",
    "started_at": None, "finished_at": None, "result": None, "cancelled_by": None,
    "was_stopped": None, "unique_key": None, "expires_at": None, "progress": None, "log": None,
}  # fmt: skip
TEXTS = (
    "", "null", "[", "{}", "[]", "[[[[", "\x00", "\N{COLLISION SYMBOL}" * 50, "os.system",
    "x" * 10_000, '{"__class__": "os.system"}', "io", "thread", "cpu", "running", "pending",
    "retrying", "success", "2026-13-45", "9999-12-31 23:59:59.999999", "NaN", "-1", "1e400",
    "'; DROP TABLE x; --", '["$", "bytes", 3]',
)  # fmt: skip
NUMBERS = (-1, 0, 1, 7, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63), 0.5, 1e300)
MOMENTS = (
    "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "infinity", "-infinity",
    "0044-03-15 12:00:00 BC", "0000-00-00 00:00:00", "2026-00-00 00:00:00",
)  # fmt: skip
MOMENT_COLUMNS = frozenset(
    {"submitted_at", "run_after", "due_at", "started_at", "finished_at", "expires_at"}
)
NULLABLE = frozenset(name for name, value in COLUMNS.items() if value is None)
KEPT = ("task_id", "meta")
UNKNOWN = "tests.faults.intruder.break_in"


@fault("7 malformed rows in the table", off=("quarantine",), engines=LEDGERS_IN_DATABASES)
def test_malformed_rows_hold_up_no_good_job_and_no_worker(site: Site) -> None:
    number = size(2000, 10_000)
    rows = [_row(site.engine, f"hostile-{n}") for n in range(number)]
    workers = site.start_workers(2)
    first = site.enqueue("nap", 50, 0.01)
    site.complain_unless(_insert(site, rows) > number / 4, "not malformed")
    later = site.enqueue("nap", 50, 0.01) + site.enqueue("doze", 50, 0.01)
    later += site.enqueue("grind", 10, 0.01)
    site.wait_until(lambda: site.ended(first + later) == len(first + later), 30)
    for worker in workers:
        site.complain_unless(worker.process.poll() is None, "workers gone")
    site.kill(workers[0])
    running = site.enqueue("nap", 4, 2.0)
    site.wait_until(lambda: site.started(running) == len(running))
    held_by = max(state["worker"] or "" for state in site.states(running).values())
    among = {"status": "running", "worker": held_by, "started_at": COLUMNS["submitted_at"]}
    _insert(site, [{**COLUMNS, **among, "task_id": "hostile", "kind": "junk"}])
    site.kill(workers[1])
    site.start_workers(1)


@fault(
    "7 random entries in each Redis key",
    off=("dead list",),
    engines=(REDIS, REDIS_OVER_POSTGRESQL),
    why_none="the ledger gives no job for an id that it does not have",
)
def test_random_entries_hold_up_no_good_job_and_no_worker(site: Site) -> None:
    workers = site.start_workers(2)
    keys = site.enqueue("nap", 200, 0.05) + site.enqueue("doze", 200, 0.05)
    keys += site.enqueue("grind", 20, 0.01) + site.enqueue("nap", 10, 0.1, run_after=2)
    site.wait_until(lambda: site.ended() > 20)
    spoiled = outlets.spoil(private("redis").url, site.folder.name, size(2000, 10_000))
    site.complain_unless(spoiled > 5, "not spoiled")
    keys += site.enqueue("nap", 50, 0.01) + site.enqueue("doze", 50, 0.01)
    site.wait_until(lambda: site.ended(keys) == len(keys), 30)
    for worker in workers:
        site.complain_unless(worker.process.poll() is None, "workers gone")
    site.kill(workers[0])
    site.enqueue("nap", 50, 0.01)


@fault("a row that names no task", off=("registry",), promise=8, engines=DATABASES)
def test_nothing_is_imported_because_a_row_names_it(site: Site) -> None:
    site.start_workers(1)
    _insert(
        site,
        [
            {
                **COLUMNS,
                "task_id": f"intruder-{kind}",
                "task_name": UNKNOWN,
                "kind": kind,
                "args": "[]",
            }
            for kind in ("io", "thread", "cpu")
        ],
    )
    later = site.enqueue("nap", 50, 0.01) + site.enqueue("doze", 10, 0.01)
    site.wait_until(lambda: site.ended(later) == len(later))
    site.complain_unless(not (site.folder / "intruded").exists(), "imported by name")


def _row(engine: Engine, task_id: str) -> dict[str, Any]:
    spoiled = random.sample([name for name in COLUMNS if name not in KEPT], random.randint(1, 3))
    junk = {name: random.choice(_junk(engine, name)) for name in spoiled}
    return {**COLUMNS, "task_id": task_id, "kind": random.choice(["io", "thread", "cpu"]), **junk}


def _junk(engine: Engine, name: str) -> tuple[Any, ...]:
    """Return what to put into a column: anything on SQLite, which keeps it there."""
    nothing = (None,) if name in NULLABLE else ()
    if not engine.database:
        return TEXTS + NUMBERS + MOMENTS + nothing
    if name in MOMENT_COLUMNS:
        return MOMENTS + nothing
    is_number = isinstance(COLUMNS[name], int)
    return (NUMBERS if is_number else TEXTS) + nothing


def _insert(site: Site, rows: list[dict[str, Any]]) -> int:
    """Insert rows, and return how many of them the database has taken."""
    names = ", ".join(COLUMNS)
    places = ", ".join(["%s"] * len(COLUMNS))
    statement = f"INSERT INTO flowrra_django_taskrecord ({names}) VALUES ({places})"
    return int(site.web.tell("write_each", statement, [list(row.values()) for row in rows]))
