"""The ledger in SQLite: the caller's transactions, the write lock, time zones, what errors mean."""

import asyncio
import sqlite3
import threading
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction
from django.db.utils import IntegrityError

from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.config import BackendConfig
from flowrra_django.engine.outbox import Outbox, Parcel
from flowrra_django.engine.stores import Stores
from flowrra_django.job import Kind
from flowrra_django.models import TaskRecord, WorkerProcess
from flowrra_django.results import TaskStatus
from tests.contracts.acts import (
    Undo,
    claim_new,
    elsewhere,
    enlist,
    new_job,
    record,
    result_of,
    success,
)
from tests.testapp.tasks import add

pytestmark = pytest.mark.sqlite

SOON = timedelta(seconds=60)


@pytest.fixture
def backend(ledger_database, clock):
    backend = DatabaseBackend.from_config(BackendConfig("django://default"), None)
    backend.engine.clock = clock.moment
    return backend


@pytest.fixture
def stores(backend):
    stores = Stores(backend, DatabaseBroker(backend))
    yield stores
    stores.close()


# Its indexes


@pytest.mark.parametrize("condition", ["NOT indexed", "indexed = 0"])
def test_what_is_not_marked_is_found_by_the_index_as_any_django_makes_it(backend, condition):
    record(backend)
    backend.index_elsewhere()
    unmarked = record(backend)
    with index_of_unmarked(condition):
        found = backend.unindexed(0, 10, -1.0)
    assert [each.entry.task_id for each in found] == [unmarked]


@contextmanager
def index_of_unmarked(condition):
    """Put another one into its place for a while."""
    name = "flowrra_unindexed"
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_schema WHERE name = %s", [name])
        ((as_it_was,),) = cursor.fetchall()
        cursor.execute(f"DROP INDEX {name}")
        cursor.execute(
            f"CREATE INDEX {name} ON {TaskRecord._meta.db_table} (id)"
            f" WHERE {condition} AND status IN ('pending', 'retrying')"
        )
        try:
            yield
        finally:
            cursor.execute(f"DROP INDEX {name}")
            cursor.execute(as_it_was)


# The caller's transactions


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_recorded_in_a_transaction_goes_with_it(backend, count):
    jobs = [new_job(backend) for _ in range(count)]
    with pytest.raises(Undo), transaction.atomic():
        backend.record(jobs)
        assert TaskRecord.objects.count() == count
        raise Undo
    assert TaskRecord.objects.count() == 0
    with transaction.atomic():
        backend.record(jobs)
    assert TaskRecord.objects.count() == count


def test_what_is_recorded_in_a_savepoint_goes_with_it(backend):
    with transaction.atomic():
        kept = record(backend)
        with pytest.raises(Undo), transaction.atomic():
            lost = record(backend)
            raise Undo
    assert set(backend.results([kept, lost])) == {kept}


def test_nobody_sees_a_job_before_its_transaction_is_committed(stores):
    enlist(stores.backend, "w")
    with transaction.atomic():
        task_id = record(stores.backend)
        seen = elsewhere(stores, partial(stores.backend.results, [task_id]))
        assert seen == {}
    assert set(elsewhere(stores, partial(stores.backend.results, [task_id]))) == {task_id}


def test_a_refused_batch_leaves_the_transaction_around_it_usable(backend):
    job = new_job(backend)
    with transaction.atomic():
        first = record(backend)
        with pytest.raises(IntegrityError):
            backend.record([job, job])
        second = record(backend)
    assert set(backend.results([first, job.task_id, second])) == {first, second}


@pytest.mark.parametrize("act", ["cancel", "retry"])
def test_what_people_do_to_jobs_goes_with_their_transaction(backend, act):
    task_id = record(backend)
    if act == "retry":
        backend.cancel([task_id])
    before = result_of(backend, task_id)
    with pytest.raises(Undo), transaction.atomic():
        getattr(backend, act)([task_id])
        assert result_of(backend, task_id).status is not before.status
        raise Undo
    assert result_of(backend, task_id) == before


def test_a_batch_that_is_refused_midway_leaves_nothing_and_no_transaction(backend):
    good, odd = claim_new(backend, "w"), claim_new(backend, "w")
    with pytest.raises(ValueError, match="surrogates"):
        backend.settle("w", [success(good), success(odd, "\ud800")])
    assert backend.held("w", Kind.IO) == [good, odd]
    assert not connection.connection.in_transaction
    assert backend.settle("w", [success(good)]).accepted == {good.task_id}


# The write lock


@contextmanager
def locked_by_another(statement):
    """Hold a lock on another connection, on another thread."""
    is_locked, is_over = threading.Event(), threading.Event()

    def hold():
        with connection.cursor() as cursor:
            for each in ("BEGIN", statement):
                cursor.execute(each)
            cursor.fetchall()
            is_locked.set()
            is_over.wait(10)
            cursor.execute("ROLLBACK")
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_locked.wait(10)
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.fixture
def impatient():
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 20")


WRITE = f"UPDATE {WorkerProcess._meta.db_table} SET pid = 1"
READ = f"SELECT count(*) FROM {TaskRecord._meta.db_table}"


def test_a_write_beside_another_one_finds_the_database_busy_and_leaves_no_transaction(
    backend, impatient
):
    job = claim_new(backend, "w")
    with locked_by_another(WRITE), pytest.raises(OperationalError) as caught:
        backend.settle("w", [success(job)])
    assert backend.is_busy(caught.value)
    assert not backend.is_outage(caught.value)
    assert backend.settle("w", [success(job)]).accepted == {job.task_id}


def test_a_look_for_work_is_not_held_up_by_a_write(stores, impatient):
    enlist(stores.backend, "w")
    record(stores.backend, run_after=SOON)
    with locked_by_another(WRITE):
        jobs, next_due = stores.take("w", [new_job(stores.backend).lane], 10)
    assert jobs == []
    assert next_due == pytest.approx(60, abs=1)


@pytest.fixture
def without_wal(backend, monkeypatch, tmp_path):
    """Work on a copy of the database in which a reader can hold up a commit."""
    copy = str(tmp_path / "copy.sqlite3")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [copy])
    with monkeypatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict, "NAME", copy)
        patch.setitem(connection.settings_dict, "OPTIONS", {"timeout": 0.05})
        yield
        connection.close()


def test_a_commit_that_finds_the_database_busy_is_rolled_back(backend, without_wal, impatient):
    job = claim_new(backend, "w")
    with locked_by_another(READ), pytest.raises(OperationalError) as caught:
        backend.settle("w", [success(job)])
    assert backend.is_busy(caught.value)
    assert not connection.connection.in_transaction
    assert backend.settle("w", [success(job)]).accepted == {job.task_id}


# Enqueueing into a database that cannot be written to


def enqueue_one():
    add.enqueue(1, 2)


def enqueue_many():
    add.enqueue_many([(number, 2) for number in range(3)])


@pytest.fixture(params=[enqueue_one, enqueue_many])
def enqueue(request):
    return request.param


def test_with_the_database_away_enqueue_raises_and_stores_nothing(
    backend, enqueue, monkeypatch, tmp_path
):
    connection.close()
    nowhere = tmp_path / "nowhere" / "db.sqlite3"
    with monkeypatch.context() as patch, pytest.raises(OperationalError, match="unable to open"):
        patch.setitem(connection.settings_dict, "NAME", nowhere)
        enqueue()
    assert TaskRecord.objects.count() == 0


def test_with_the_database_locked_for_too_long_enqueue_raises_and_stores_nothing(
    backend, enqueue, impatient
):
    with locked_by_another(WRITE), pytest.raises(OperationalError, match="locked"):
        enqueue()
    assert TaskRecord.objects.count() == 0
    enqueue()
    assert TaskRecord.objects.exists()


# What is too large


async def test_a_result_too_large_for_the_database_fails_its_job_alone(stores):
    def prepare():
        jobs = [claim_new(stores.backend, "w") for _ in range(3)]
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000)
        return jobs

    jobs = await stores.run(prepare)
    written = asyncio.Queue()
    outbox = Outbox(stores, lambda parcel, is_accepted: written.put_nowait(is_accepted))
    for job, result in zip(jobs, ["1", f'"{"x" * 20_000}"', "3"], strict=True):
        outbox.put(Parcel("w", success(job, result), 0.1))
    outbox.start()
    assert [await written.get() for _ in jobs] == [True] * 3
    await outbox.stop()
    small, large, other = [await stores.run(stores.result, job.task_id) for job in jobs]
    assert (small.result, other.result) == (1, 3)
    assert (large.status, large.result) == (TaskStatus.FAILED, None)
    assert large.error_type == "flowrra_django.exceptions.OutcomeRefusedError"
    assert "string or blob too big" in large.error


# What errors mean


def error_of(statement, parameters=()):
    with pytest.raises(Exception) as caught, connection.cursor() as cursor:  # noqa: PT011
        cursor.execute(statement, parameters)
    return caught.value


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 FROM nowhere", "SELECT nothing", "SELECT FROM LIMIT", "SELECT 1 UNION SELECT 1, 2"],
)
def test_a_mistake_is_neither_an_outage_nor_a_busy_store(backend, statement):
    error = error_of(statement)
    assert isinstance(error, OperationalError)
    assert not backend.is_outage(error)
    assert not backend.is_busy(error)


def test_a_value_that_cannot_be_bound_is_no_outage(backend):
    error = error_of("SELECT %s", [object()])
    assert not backend.is_outage(error)
    assert not backend.is_busy(error)


def test_a_database_that_cannot_be_opened_is_an_outage(backend, monkeypatch, tmp_path):
    connection.close()
    nowhere = tmp_path / "nowhere" / "db.sqlite3"
    with monkeypatch.context() as patch, pytest.raises(OperationalError) as caught:
        patch.setitem(connection.settings_dict, "NAME", nowhere)
        backend.beat("w")
    assert backend.is_outage(caught.value)
    assert not backend.is_busy(caught.value)


def test_other_errors_are_no_outage(backend):
    assert not backend.is_outage(ValueError("away"))
    assert not backend.is_outage(OperationalError("raised by somebody else"))
