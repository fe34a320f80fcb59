"""A server reads for a call no more than what the call is about, however many jobs there are."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connections, transaction

from flowrra_django.backends.database import DatabaseBackend, browsing, selecting
from flowrra_django.backends.database.browsing import Wanted
from flowrra_django.backends.selection import Selection
from flowrra_django.brokers.base import Turn
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.job import Kind, Lane, OnDuplicate
from flowrra_django.models import TaskRecord
from flowrra_django.results import TaskStatus
from tests.contracts.acts import Undo, enlist, give_back, new_job, rescue, success, to_retry
from tests.contracts.stores import MARIADB, POSTGRESQL, need, wipe_database

LANES = [Lane(queue, kind) for queue in ("default", "mail") for kind in Kind]
TABLE = TaskRecord._meta.db_table
ENDED, WAITING, DELAYED = 24_000, 3_000, 600
FEW = 10
MOST = 1_000  # entries of the table and its indexes, and of what is made of them on the way

READS = {
    "postgresql": f"""
        SELECT seq_tup_read + (
            SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))
            FROM pg_index WHERE indrelid = CAST('{TABLE}' AS regclass)
        ) FROM pg_stat_xact_user_tables WHERE relname = '{TABLE}'
    """,
    "mysql": """
        SELECT sum(variable_value) FROM information_schema.session_status
        WHERE variable_name LIKE 'Handler_read%'
    """,
}
ANALYZE = {"postgresql": f"VACUUM ANALYZE {TABLE}", "mysql": f"ANALYZE TABLE {TABLE}"}


@pytest.fixture(scope="module", params=[POSTGRESQL, MARIADB], ids=lambda ledger: ledger.name)
def filled(request, ledger_tables, django_db_blocker):
    """A ledger with jobs in every state, most of them ended, of which the server knows."""
    need(request.param.server)
    alias = request.param.name
    with django_db_blocker.unblock():
        wipe_database(alias)
        backend = DatabaseBackend(alias)
        fill(backend)
        with connections[alias].cursor() as cursor:
            cursor.execute(ANALYZE[connections[alias].vendor])
            cursor.fetchall() if cursor.description else None
        yield backend
        wipe_database(alias)
        connections[alias].close()


def fill(backend):
    new = partial(new_job, backend)
    spread = [LANES[n % len(LANES)] for n in range(ENDED)]
    backend.record([new(queue=lane.queue, kind=lane.kind) for lane in spread])
    TaskRecord.objects.using(backend.alias).update(
        status="success",
        worker="gone",
        claim=1,
        finished_at=backend.engine.clock() - timedelta(hours=1),
        expires_at=backend.engine.clock() - timedelta(hours=1),
    )
    hour = timedelta(hours=1)
    backend.record(
        [
            new(queue=lane.queue, kind=lane.kind, unique_key=f"start:{n}", expires_in=hour)
            for n, lane in enumerate(spread[:WAITING])
        ]
    )
    backend.record(
        [
            new(queue=lane.queue, kind=lane.kind, run_after=timedelta(hours=1 if n % 9 else -1))
            for n, lane in enumerate(spread[:DELAYED])
        ]
    )
    enlist(backend, "w", "other")
    running = backend.claim("other", backend.waiting(LANES[:1], 60)).jobs
    backend.settle("other", [to_retry(job) for job in running[:20]])


@pytest.fixture
def backend(filled, django_db_blocker):
    """The filled ledger, and all that a test changes undone."""
    with django_db_blocker.unblock(), pytest.raises(Undo), transaction.atomic(filled.alias):
        yield filled
        raise Undo


def reads_of(backend, act):
    connection = connections[backend.alias]

    def reads():
        with connection.cursor() as cursor:
            cursor.execute(READS[connection.vendor])
            return int(cursor.fetchone()[0] or 0)

    of_asking = -(reads() - reads())
    before = reads()
    result = act()
    return result, reads() - before - of_asking


def held(backend):
    return backend.claim("w", backend.waiting(LANES, 4 * FEW)).jobs


CALLS = {
    "a look that finds nothing": lambda backend: partial(
        DatabaseBroker(backend).take, "w", [Lane("void", kind) for kind in Kind], FEW
    ),
    "a take": lambda backend: lambda: len(DatabaseBroker(backend).take("w", LANES[1:], FEW).jobs),
    "a take by turns": lambda backend: partial(
        DatabaseBroker(backend).take, "w", LANES[3:], FEW, dict.fromkeys(LANES, Turn(0.5, 0.25))
    ),
    "fronts": lambda backend: partial(DatabaseBroker(backend).fronts, LANES),
    "overdue": lambda backend: partial(backend.overdue, backend.waiting(LANES, FEW), 5),
    "delete": lambda backend: partial(backend.delete, backend.waiting(LANES, FEW)),
    "a claim": lambda backend: partial(backend.claim, "w", backend.waiting(LANES, FEW)),
    "has_work": lambda backend: partial(backend.has_work, LANES),
    "waiting": lambda backend: partial(backend.waiting, LANES, FEW),
    "depth": lambda backend: partial(DatabaseBroker(backend).depth, LANES[:1], 100),
    "depths": lambda backend: partial(DatabaseBroker(backend).depths, ["default", "void"], 50),
    "waiting_since": lambda backend: partial(backend.waiting_since, ["default", "mail"], FEW),
    "orders": lambda backend: partial(asked_to_stop(backend).orders, "other"),
    "ended_of_tasks": lambda backend: partial(
        browsing.ended_of_tasks, backend.alias, ["tests.add", "void"], FEW
    ),
    "arrived": lambda backend: partial(
        browsing.arrived, backend.alias, ["default", "void"], backend.now() + timedelta(hours=1)
    ),
    "running": lambda backend: partial(backend.running, FEW),
    "latest": lambda backend: partial(backend.latest, FEW),
    "queues": lambda backend: backend.queues,
    "held": lambda backend: partial(backend.held, "other", Kind.IO),
    "strays": lambda backend: backend.strays,
    "rescue": lambda backend: partial(rescue, backend, "other"),
    "prune": lambda backend: partial(backend.prune, 60, FEW),
    "results": lambda backend: partial(backend.results, backend.waiting(LANES, FEW)),
    "settled_among": lambda backend: partial(backend.settled_among, backend.waiting(LANES, FEW)),
    "cancel": lambda backend: partial(backend.cancel, backend.waiting(LANES, FEW)),
    "settle": lambda backend: partial(backend.settle, "w", [success(job) for job in held(backend)]),
    "retry of a run": lambda backend: partial(
        backend.settle, "w", [to_retry(job) for job in held(backend)]
    ),
    "release": lambda backend: partial(
        backend.release, "w", [give_back(job) for job in held(backend)]
    ),
    "expire": lambda backend: partial(backend.expire, FEW),
    "expire of some": lambda backend: partial(expired(backend).expire, FEW),
    "a take of what expired": lambda backend: partial(
        DatabaseBroker(expired(backend)).take, "w", LANES[:1], FEW
    ),
    "a new key": lambda backend: partial(backend.record_unique, [keyed(backend, "start:new")]),
    "a duplicate": lambda backend: partial(backend.record_unique, [keyed(backend, "start:9")]),
    "a replacing": lambda backend: partial(
        backend.record_unique, [keyed(backend, "start:9", on_duplicate=OnDuplicate.REPLACE)]
    ),
    "retry": lambda backend: partial(backend.retry, sorted(ended(backend))),
}


def expired(backend):
    """Record jobs that expire at once, and are the first of their lane."""
    soon = timedelta(microseconds=1)
    backend.record([new_job(backend, priority=-9, expires_in=soon) for _ in range(4 * FEW)])
    return backend


def asked_to_stop(backend):
    """Ask for the cancelling of what another worker runs."""
    backend.cancel(backend.running(MOST))
    return backend


def keyed(backend, key, **options):
    return new_job(backend, unique_key=key, **options)


def ended(backend):
    jobs = held(backend)
    return backend.settle("w", [success(job) for job in jobs]).accepted


@pytest.mark.parametrize("call", CALLS)
def test_few_entries_are_read_for(backend, call):
    _, reads = reads_of(backend, CALLS[call](backend))
    assert reads <= MOST


def test_jobs_are_chosen_along_what_the_fewest_have(backend, monkeypatch):
    monkeypatch.setattr(selecting, "STEP", 50)
    chosen = Selection(statuses=[TaskStatus.RETRYING], queues=["default"], tasks=["tests.add"])
    found, reads = reads_of(backend, lambda: [*backend.select(chosen)])
    assert sum(map(len, found)) == 20
    assert reads <= MOST


def test_reads_are_counted(backend):
    everything = TaskRecord.objects.using(backend.alias)
    count, reads = reads_of(backend, lambda: everything.filter(args__contains="x").count())
    assert (count, reads >= ENDED) == (0, True)


# The admin's questions

NAMES = ("tests.add", "tests.more")
WANTED = {
    "all": Wanted(),
    "status": Wanted(status="success"),
    "status and queue": Wanted(status="success", queue="mail"),
    "queue and a task": Wanted(queue="mail", names=NAMES[:1]),
    "some tasks": Wanted(names=NAMES),
    "some tasks of a queue": Wanted(names=NAMES, queue="mail"),
    "everything": Wanted(names=NAMES, queue="mail", status="success"),
    "a worker": Wanted(worker="other", status="running", queue="default"),
}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
def test_a_list_reads_past_what_is_newer_and_no_further(backend, wanted, monkeypatch):
    monkeypatch.setattr(browsing, "WINDOW", 50)
    found, reads = reads_of(backend, lambda: browsing.newest(backend.alias, wanted, FEW))
    assert len(found.ids) == FEW
    assert reads <= MOST + 3 * (WAITING + DELAYED)


@pytest.mark.parametrize("column", ["queue", "task_name"])
def test_the_choices_of_a_filter_are_jumped_to(backend, column):
    found, reads = reads_of(backend, lambda: browsing.values(backend.alias, column, "", FEW))
    assert found == {"queue": ["default", "mail"], "task_name": ["tests.add"]}[column]
    assert reads <= MOST
