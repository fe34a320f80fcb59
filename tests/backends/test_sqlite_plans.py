"""SQLite answers every question of the engine by way of an index, however many jobs there are."""

from datetime import timedelta

import pytest
from django.db import connection

from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.selection import Selection
from flowrra_django.brokers.base import Turn
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.job import Kind, Lane, OnDuplicate
from flowrra_django.models import TaskRecord
from flowrra_django.results import FINAL, TaskStatus
from flowrra_django.retry import Release
from tests.backends.plans import explained, steps_on
from tests.contracts.acts import (
    enlist,
    failure,
    give_back,
    new_job,
    rescue,
    success,
    to_retry,
)

pytestmark = pytest.mark.sqlite

LANES = [Lane(queue, kind) for queue in ("default", "mail") for kind in (Kind.IO, Kind.CPU)]
TABLE = TaskRecord._meta.db_table
IDS = "sqlite_autoindex_flowrra_django_taskrecord_1 (task_id=?)"
BY_ROW = "INTEGER PRIMARY KEY (rowid=?)"
SORT_OF_FEW = "USE TEMP B-TREE FOR ORDER BY"


@pytest.fixture(params=["fresh", "analyzed"])
def backend(request, ledger_database):
    """A ledger with jobs in every state, with and without what ANALYZE knows of them."""
    backend = DatabaseBackend("default")
    enlist(backend, "w", "other")
    many = [
        new_job(backend, queue=lane.queue, kind=lane.kind, run_after=run_after)
        for lane in LANES
        for run_after in [None] * 400 + [timedelta(hours=1)] * 50 + [timedelta(seconds=-1)] * 5
    ]
    backend.record(many)
    jobs = backend.claim("other", [job.task_id for job in many[::40]]).jobs
    backend.settle("other", [success(job) for job in jobs[:20]])
    backend.settle("other", [to_retry(job) for job in jobs[20:25]])
    with connection.cursor() as cursor:
        if request.param == "analyzed":
            cursor.execute("ANALYZE")
        yield backend
        if request.param == "analyzed":
            cursor.execute("DROP TABLE sqlite_stat1")
            cursor.execute("ANALYZE sqlite_schema")


@pytest.fixture
def held(backend):
    """Jobs that worker `w` holds."""
    task_ids = backend.waiting(LANES, 10)
    return backend.claim("w", task_ids).jobs


def search(how: str) -> str:
    return f"SEARCH {TABLE} USING {how}"


READY = search("INDEX flowrra_ready (queue=? AND kind=?)")
DELAYED = search("INDEX flowrra_delayed (queue=? AND kind=? AND due_at>?)")
NEXT_DUE = search("COVERING INDEX flowrra_delayed (queue=? AND kind=? AND due_at>?)")
PROMOTED = search("COVERING INDEX flowrra_delayed (queue=? AND kind=? AND due_at>? AND due_at<?)")
HELD = search("INDEX flowrra_running (worker=?)")


def steps_of(act):
    with explained() as plans:
        act()
    assert plans
    return steps_on(TABLE, plans)


def test_a_look_for_work_reads_one_entry_of_each_index(backend):
    lanes = [Lane("void", Kind.IO), Lane("void", Kind.CPU)]
    broker = DatabaseBroker(backend)
    assert steps_of(lambda: broker.take("w", lanes, 5)) == [READY, NEXT_DUE]


def test_a_take_sorts_no_more_than_the_first_of_each_lane(backend):
    broker = DatabaseBroker(backend)
    assert steps_of(lambda: broker.take("w", LANES, 5)) == [
        READY,
        NEXT_DUE,
        search(BY_ROW),
        PROMOTED,
        search(BY_ROW),
        READY,
        SORT_OF_FEW,
    ]


def test_a_take_by_turns_sorts_no_more_than_that_either(backend):
    turns = {lane: Turn(start=0.5, step=0.25) for lane in LANES}
    steps = steps_of(lambda: DatabaseBroker(backend).take("w", LANES, 5, turns))
    assert steps[:6] == [
        READY,
        NEXT_DUE,
        search(BY_ROW),
        PROMOTED,
        search(BY_ROW),
        READY,
    ]
    assert set(steps[6:]) == {SORT_OF_FEW}


def test_what_waits_on_each_of_many_queues_is_counted_without_a_sort(backend):
    broker = DatabaseBroker(backend)
    assert steps_of(lambda: broker.depths(["default", "mail"], 100)) == [READY, NEXT_DUE]


def test_since_when_jobs_wait_is_read_from_the_first_of_each_queue(backend):
    steps = steps_of(lambda: backend.waiting_since(["default", "mail"], 10))
    assert steps == [READY, NEXT_DUE]


def test_what_a_worker_is_to_cancel_is_found_among_what_it_runs(backend):
    backend.cancel([job.task_id for job in backend.held("other", Kind.IO)])
    assert steps_of(lambda: backend.orders("other")) == [HELD]


def test_fronts_are_found_by_jumping_from_one_priority_to_the_next(backend):
    assert steps_of(lambda: DatabaseBroker(backend).fronts(LANES)) == [
        search(BY_ROW),
        READY,
        search("INDEX flowrra_ready (queue=? AND kind=? AND priority<?)"),
        search("INDEX flowrra_ready (queue=? AND kind=? AND priority=?)"),
    ]


def test_a_claim_of_ids_goes_by_them(backend):
    waiting = backend.waiting(LANES, 10)
    steps = steps_of(lambda: backend.claim("w", [*waiting, "nobody"]))
    assert steps == [search(BY_ROW), search(f"INDEX {IDS}"), search(f"INDEX {IDS}")]


@pytest.mark.parametrize("make", [success, failure])
def test_a_final_outcome_is_written_by_row(backend, held, make):
    steps = steps_of(lambda: backend.settle("w", [make(job) for job in held]))
    assert steps == [search(BY_ROW)]


@pytest.mark.parametrize(
    ("act", "make"), [("settle", to_retry), ("release", give_back), ("release", None)]
)
def test_what_waits_again_is_written_and_read_by_row(backend, held, act, make):
    make = make or (lambda job: Release(job=job, delay=60, kind=Kind.CPU))
    items = [make(job) for job in held]
    write, *reads = steps_of(lambda: getattr(backend, act)("w", items))
    assert write == search(BY_ROW)
    assert reads == [search(BY_ROW)]


def test_a_late_write_is_looked_up_by_its_id(backend, held):
    backend.settle("w", [success(job) for job in held])
    steps = steps_of(lambda: backend.settle("w", [failure(job) for job in held]))
    assert steps == [search(BY_ROW), search(f"INDEX {IDS}")]


def test_what_a_worker_holds_is_found_by_its_id(backend):
    assert steps_of(lambda: backend.held("other", Kind.IO)) == [HELD]


def test_a_rescue_reads_what_the_worker_held_and_no_more(backend):
    assert steps_of(lambda: rescue(backend, "other")) == [HELD, search(BY_ROW), search(BY_ROW)]


def test_strays_are_found_among_what_runs(backend):
    assert steps_of(backend.strays) == [f"SCAN {TABLE} USING INDEX flowrra_running"]


def test_old_jobs_are_found_by_their_end(backend):
    assert steps_of(lambda: backend.prune(0, 10)) == [
        search(BY_ROW),
        search("COVERING INDEX flowrra_finished (finished_at>? AND finished_at<?)"),
    ]


def test_what_expired_is_found_by_its_moment_and_nothing_else_is_read(backend):
    look = search("INDEX flowrra_expiring (expires_at>? AND expires_at<?)")
    assert steps_of(lambda: backend.expire(10)) == [look]
    backend.record([new_job(backend, expires_in=timedelta(microseconds=1)) for _ in range(9)])
    steps = steps_of(lambda: backend.expire(10))
    assert steps == [look, look, search(BY_ROW)]


def test_who_has_a_key_is_found_by_it(backend):
    jobs = [new_job(backend, unique_key=f"start:{number}") for number in range(20)]
    backend.record_unique(jobs)
    by_key = search("INDEX flowrra_unique_key (unique_key=?)")
    steps = steps_of(lambda: backend.record_unique([new_job(backend, unique_key="start:1")]))
    assert steps == [by_key]
    again = new_job(backend, unique_key="start:2", on_duplicate=OnDuplicate.REPLACE)
    assert steps_of(lambda: backend.record_unique([again])) == [by_key, search(f"INDEX {IDS}")]
    claim = steps_of(lambda: backend.claim("w", [jobs[0].task_id]))
    assert claim == [search(BY_ROW), search(f"INDEX {IDS}"), search(BY_ROW)]


def test_queues_are_found_by_jumping_from_one_to_the_next(backend):
    assert steps_of(backend.queues) == [
        search("INDEX flowrra_ready"),
        search("INDEX flowrra_ready (queue>?)"),
        "UNION USING TEMP B-TREE",
        search("COVERING INDEX flowrra_delayed"),
        search("COVERING INDEX flowrra_delayed (queue>?)"),
    ]


@pytest.mark.parametrize(
    "ask",
    [
        lambda backend: backend.has_work(LANES),
        lambda backend: backend.waiting(LANES, 10),
        lambda backend: DatabaseBroker(backend).depth(LANES, 100),
    ],
    ids=["has_work", "waiting", "depth"],
)
def test_what_waits_on_lanes_is_found_lane_by_lane(backend, ask):
    assert steps_of(lambda: ask(backend)) == [READY, DELAYED]


LAST = f"SEARCH {TABLE}"  # goes to the end of the table
FAILED = {"statuses": [TaskStatus.FAILED]}


@pytest.mark.parametrize(
    ("wanted", "sizes", "index"),
    [
        (FAILED, [], "status"),
        ({"statuses": FINAL, "queues": ["mail"]}, [], "queue"),
        ({**FAILED, "tasks": ["none"]}, ["task", "status"], "task"),
        (
            {**FAILED, "queues": ["none"], "tasks": ["tests.add"]},
            ["task", "queue", "status"],
            "queue",
        ),
    ],
)
def test_jobs_are_chosen_along_the_index_with_the_fewest_of_them(backend, wanted, sizes, index):
    columns = {"task": "task_name"}
    name = columns.get(index, index)
    steps = steps_of(lambda: [*backend.select(Selection(**wanted, older_than=5))])
    assert steps == [
        LAST,
        *(search(f"COVERING INDEX flowrra_{s} ({columns.get(s, s)}=?)") for s in sizes),
        search(f"COVERING INDEX flowrra_{index} ({name}=? AND id>?)"),
        search(f"INDEX flowrra_{index} ({name}=? AND id>? AND id<?)"),
    ]


def test_where_no_index_has_them_in_their_order_jobs_are_chosen_by_row(backend):
    chosen = Selection(statuses=FINAL, queues=["default", "mail"])
    steps = steps_of(lambda: [*backend.select(chosen)])
    assert steps == [
        LAST,
        search("INTEGER PRIMARY KEY (rowid>?)"),
        search("INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
    ]


@pytest.mark.parametrize(
    "ask",
    [
        lambda backend, ids: backend.results(ids),
        lambda backend, ids: backend.settled_among(ids),
        lambda backend, ids: backend.cancel(ids),
        lambda backend, ids: backend.retry(ids),
        lambda backend, ids: backend.delete(ids),
        lambda backend, ids: backend.overdue(ids, 5),
    ],
    ids=["results", "settled_among", "cancel", "retry", "delete", "overdue"],
)
def test_jobs_that_are_named_are_found_by_their_ids(backend, ask):
    ids = backend.waiting(LANES, 10)
    assert steps_of(lambda: ask(backend, ids)) == [search(f"INDEX {IDS}")]
