"""The ledger in MariaDB and MySQL: texts that look alike, isolation levels, its own indexes."""

import io

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import DataError, connections, transaction

from flowrra_django.config import BackendConfig, BrokerConfig, Config
from flowrra_django.executors.io_executor import IOExecutor
from flowrra_django.job import Kind, Lane
from flowrra_django.models import TaskRecord
from tests.contracts.acts import (
    IO,
    at_once,
    new_job,
    record,
    record_many,
    result_of,
    status_of,
    success,
)
from tests.contracts.enlisted import stores_with_a_worker
from tests.contracts.stores import MARIADB

ALIAS = "mariadb"
TABLE = TaskRecord._meta.db_table


@pytest.fixture
def stores(request, clock):
    with stores_with_a_worker(MARIADB, request, clock) as stores:
        yield stores


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


BY_NAME = {
    "claim": lambda backend, seen: backend.claim("w", ids_of(seen)),
    "mark": lambda backend, seen: backend.mark_indexed(seen),
    "cancel": lambda backend, seen: backend.cancel(ids_of(seen)),
    "run_now": lambda backend, seen: backend.run_now(ids_of(seen)),
    "delete": lambda backend, seen: backend.delete(ids_of(seen)),
}


def ids_of(seen):
    return [each.entry.task_id for each in seen]


@pytest.mark.parametrize("name", BY_NAME)
def test_who_names_jobs_does_not_wait_for_others_in_their_state(stores, backend, name):
    """By the index of states fewer rows would be looked at, and all of them locked."""
    backend.index_elsewhere()
    record_many(backend, 30)
    seen = backend.unindexed(0, 100, -1.0)
    backend.cancel(ids_of(seen[1:]))
    other = record(backend)
    with transaction.atomic(using=ALIAS):
        lock_row(other)
        at_once(stores, [lambda: impatiently(BY_NAME[name], backend, seen)])
    assert status_of(backend, other) == "pending"


def lock_row(task_id):
    ask(f"SELECT * FROM {TABLE} FORCE INDEX (task_id) WHERE task_id = %s FOR UPDATE", task_id)


def impatiently(act, *given):
    ask("SET SESSION innodb_lock_wait_timeout = 1")
    return act(*given)


def ask(query, *parameters):
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


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


@pytest.fixture
def limit(backend):
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        return cursor.fetchone()[0]


def encoded(backend, text):
    return backend.codec.encode(text)


@pytest.mark.parametrize("text", ["x", '"'])
def test_of_a_batch_what_is_too_large_for_the_server_is_refused_and_the_rest_kept(
    stores, backend, text, limit
):
    record_many(backend, 3)
    small, large, other = stores.take("w", [IO], 10).jobs
    result = encoded(backend, text * (limit // len(encoded(backend, text)[1:-1])))
    batch = [success(small, "1"), success(large, result), success(other, "1")]
    with pytest.raises(DataError, match=rf"max_allowed_packet is {limit:,}\. Keep less") as caught:
        stores.settle("w", batch)
    assert not stores.may_pass(caught.value), "then it would be sent again for ever"
    assert stores.settle("w", batch[::2]).accepted == {small.task_id, other.task_id}
    assert result_of(backend, large.task_id).status == "running"


async def test_a_job_whose_result_is_too_large_fails_and_holds_up_no_other(limit):
    url = f"django://{ALIAS}"
    executor = IOExecutor(Config(broker=BrokerConfig(url), backend=BackendConfig(url)))

    @executor.task(max_retries=0)
    async def return_much(size):
        return "x" * size

    await executor.start()
    try:
        ids = [await executor.submit(return_much, size) for size in (limit, 1)]
        large, small = [await executor.wait_for_result(task_id, timeout=20) for task_id in ids]
    finally:
        await executor.stop(wait=False)
    assert (small.status, large.status) == ("success", "failed")
    assert f"max_allowed_packet is {limit:,}. Keep less in one job" in large.error


def test_what_the_server_just_takes_is_kept(stores, backend, limit):
    job = backend.claim("w", [record(backend)]).jobs[0]
    text = "é\n" * ((limit - 20_000) // 5)  # two bytes, and three of a line's end in JSON
    assert stores.settle("w", [success(job, encoded(backend, text))]).accepted == {job.task_id}
    assert result_of(backend, job.task_id).result == text


@pytest.mark.parametrize("options", [{}, {"unique_key": "k"}])
def test_a_job_that_is_too_large_for_the_server_says_so_and_its_transaction_goes_on(
    stores, backend, options, limit
):
    job = new_job(backend, "x" * limit, **options)
    with transaction.atomic(using=ALIAS):
        with pytest.raises(DataError, match="max_allowed_packet"):
            stores.record([job])
        task_id = record(backend)
    assert backend.results([job.task_id, task_id]).keys() == {task_id}


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
