"""The ledger in MariaDB and MySQL: texts that look alike, isolation levels, its own indexes."""

import io

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import connections, transaction

from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.engine.stores import Stores
from flowrra_django.job import Kind, Lane
from flowrra_django.models import TaskRecord
from tests.contracts.acts import IO, at_once, enlist, record, record_many, result_of, success
from tests.contracts.stores import MARIADB, emptied

ALIAS = "mariadb"
TABLE = TaskRecord._meta.db_table


@pytest.fixture
def stores(request, clock):
    emptied(MARIADB, request)
    backend = MARIADB.open(clock)
    stores = Stores(backend, DatabaseBroker(backend))
    enlist(backend, "w")
    yield stores
    stores.close()


@pytest.fixture
def backend(stores):
    return stores.backend


@pytest.mark.parametrize("other", ["Mail", "mail ", "maíl"])
def test_queues_whose_names_look_alike_are_not_the_same(stores, backend, other):
    task_id = record(backend, queue="mail")
    strange = record(backend, queue=other)
    assert backend.queues() == {"mail", other}
    taken = stores.take("w", [Lane("mail", Kind.IO)], 10).jobs
    assert [job.task_id for job in taken] == [task_id]
    assert stores.broker.depth([Lane(other, Kind.IO)], 10) == 1
    assert result_of(backend, strange).queue == other


def test_what_any_language_writes_is_kept(backend):
    job = backend.claim("w", [record(backend, "Ünïcödé 漢字 🚀", task_name="täsk.🚀")]).jobs[0]
    backend.settle("w", [success(job, backend.codec.encode("🚀"))])
    result = result_of(backend, job.task_id)
    assert (result.args, result.task_name, result.result) == (
        ("Ünïcödé 漢字 🚀",),
        "täsk.🚀",
        "🚀",
    )


@pytest.fixture
def repeatable_reads(backend, monkeypatch):
    """Open connections of the level that is the server's own default."""
    connection = connections[ALIAS]
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", "repeatable read")
        yield
        connection.close()


def test_a_taker_locks_no_gap_that_others_insert_into(stores, backend, repeatable_reads):
    record_many(backend, 3)
    with backend.engine.writing() as cursor:
        rows = backend.engine.first_of(cursor, [IO], 10, {})
        assert len(backend.claim_rows(cursor, "w", rows).jobs) == 3
        (task_id,) = at_once(stores, [lambda: record(backend)])
    assert [job.task_id for job in stores.take("w", [IO], 10).jobs] == [task_id]


def test_a_change_inside_a_transaction_that_reads_an_old_state_goes_by_the_newest(
    stores, backend, repeatable_reads
):
    task_id = record(backend)
    with transaction.atomic(using=ALIAS):
        assert result_of(backend, task_id).status == "pending"
        at_once(stores, [lambda: stores.take("w", [IO], 10)])
        assert result_of(backend, task_id).status == "pending", "as it was at the first look"
        assert backend.retry([task_id]) == []
        assert backend.cancel([task_id]) == {task_id}
    assert result_of(backend, task_id).status == "running"


def test_nobody_is_told_off_for_indexes_that_are_not_partial_there(backend):
    messages = checks.run_checks(databases=[ALIAS], app_configs=None)
    assert [message.id for message in messages if "flowrra" in str(message.obj)] == []


def indexed():
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(f"SHOW INDEX FROM {TABLE}")
        columns = {}
        for row in cursor.fetchall():
            columns.setdefault(row[2], []).append(row[4])
    return {name: fields for name, fields in columns.items() if name.startswith("flowrra_")}


def test_each_index_of_the_model_is_there_with_the_columns_that_serve_there(backend):
    wanted = [*TaskRecord._meta.indexes, *TaskRecord._meta.constraints]
    fields = {index.name: getattr(index, "mysql_fields", index.fields) for index in wanted}
    assert indexed() == {name: list(columns) for name, columns in fields.items()}


def test_the_sql_of_the_migration_can_be_shown(backend):
    output = io.StringIO()
    call_command("sqlmigrate", "flowrra_django", "0001", database=ALIAS, stdout=output)
    assert f"ALTER TABLE `{TABLE}` CONVERT TO CHARACTER SET utf8mb4" in output.getvalue()


def test_the_tables_can_be_taken_away_and_made_again(backend):
    before = indexed()
    for target in ("zero", "0001"):
        call_command("migrate", "flowrra_django", target, database=ALIAS, verbosity=0)
    call_command("migrate", "flowrra_django", database=ALIAS, verbosity=0)
    assert indexed() == before
