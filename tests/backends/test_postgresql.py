"""The ledger in PostgreSQL: what is its own."""

from contextlib import contextmanager

import pytest
from django.db import connections

from flowrra_django.models import TaskRecord
from tests.contracts.acts import IO, new_job, record, record_many
from tests.contracts.enlisted import stores_with_a_worker
from tests.contracts.stores import POSTGRESQL

TABLE = TaskRecord._meta.db_table


@pytest.fixture
def stores(request, clock):
    with stores_with_a_worker(POSTGRESQL, request, clock) as stores:
        yield stores


def settings_during(connection, act):
    """Return whether statements were compiled, for each that changes a table."""
    seen = {}

    def look(execute, statement, parameters, many, context):
        result = execute(statement, parameters, many, context)
        if statement.split(maxsplit=1)[0] in {"UPDATE", "INSERT"}:
            with connection.connection.cursor() as cursor:
                seen[statement] = cursor.execute("SHOW jit").fetchone()[0]
        return result

    with connection.execute_wrapper(look):
        act()
    return [*seen.values()]


@contextmanager
def session(connection, **settings):
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute(f"SET {name} = {value}")
        try:
            yield
        finally:
            for name in settings:
                cursor.execute(f"RESET {name}")


def rows_read(connection, act):
    """Return how many rows the nodes of each plan gave that read the table of the jobs."""
    read = []

    def look(execute, statement, parameters, many, context):
        if statement.split(maxsplit=1)[0] in {"WITH", "SELECT"}:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
                read.append(sum(rows_of(cursor.fetchone()[0][0]["Plan"])))
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(look):
        act()
    return read


def rows_of(plan):
    if plan.get("Relation Name") == TABLE:
        yield plan["Actual Rows"] * plan["Actual Loops"]
    for step in plan.get("Plans", ()):
        yield from rows_of(step)


def test_a_look_for_work_reads_one_job_of_a_lane_however_many_wait(stores):
    backend, connection = stores.backend, connections["postgresql"]
    backend.record([new_job(backend) for _ in range(3_000)])
    with connection.cursor() as cursor:
        assert rows_read(connection, lambda: stores.backend.engine.peek(cursor, [IO])) == [1]


def test_a_claim_does_not_pass_by_what_was_claimed_before_it(stores):
    """The look has. While a transaction is open that began before, no vacuum takes it away."""
    backend, engine = stores.backend, stores.backend.engine
    with old_transaction():
        backend.claim("w", record_many(backend, 3_000))
        waiting = record_many(backend, 3)
        with engine.writing() as cursor:
            look = engine.peek(cursor, [IO])
            query = engine.first_from(cursor, look.fronts, 10, {})
            read = blocks_read(cursor, *query)
            cursor.execute(*query)
            assert len(cursor.fetchall()) == len(waiting)
            assert read < blocks_read(cursor, *engine.first_of(cursor, [IO], 10, {})) / 5


@contextmanager
def old_transaction():
    """Hold a snapshot of now, as a long report or a dump does."""
    other = connections["postgresql"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT 1 FROM pg_class LIMIT 1")
            yield
    finally:
        other.close()


def blocks_read(cursor, statement, parameters):
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
    plan = cursor.fetchone()[0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("even_marked", [False, True], ids=["unmarked", "marked"])
def test_a_page_of_what_may_lack_in_an_index_reads_no_more_than_that(stores, even_marked):
    backend, connection = stores.backend, connections["postgresql"]
    backend.index_elsewhere()
    backend.record([new_job(backend) for _ in range(3_000)])

    def page():
        assert len(backend.unindexed(0, 100, -1.0, even_marked=even_marked)) == 100

    with session(connection, random_page_cost=400):  # as it seems where nothing was analyzed yet
        assert sum(rows_read(connection, page)) == 100


@pytest.mark.parametrize("by", ["id", "lane"])
def test_a_claim_is_not_compiled_and_the_session_stays_as_it_was(stores, by):
    connection = connections["postgresql"]
    with connection.cursor() as cursor:
        cursor.execute("SET jit = on")
    task_id = record(stores.backend)
    claim = {
        "id": lambda: stores.backend.claim("w", [task_id]),
        "lane": lambda: stores.take("w", [IO], 10),
    }[by]
    assert settings_during(connection, claim) == ["off"]
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("on",)
