"""Rows that somebody else has written, to whom SQLite lets anything pass."""

from __future__ import annotations

import pytest

from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.database.rows import MALFORMED
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.config import BackendConfig
from flowrra_django.engine.stores import Stores
from flowrra_django.job import Kind, Lane
from flowrra_django.models import TaskRecord
from tests.contracts.acts import claim_new, enlist, record, record_many

pytestmark = pytest.mark.sqlite

LANES = [Lane("default", Kind.IO)]
WRONG = {
    "priority": "first",
    "attempts": 2**62,
    "failures": "none",
    "crashes": 0.5,
    "max_crashes": "",
    "claim": 2**63 - 1,
}


@pytest.fixture
def stores(ledger_database, clock):
    backend = DatabaseBackend.from_config(BackendConfig("django://default"), None)
    backend.engine.clock = clock.moment
    stores = Stores(backend, DatabaseBroker(backend))
    yield stores
    stores.close()


def spoil(stores, task_id, **values):
    assignments = ", ".join(f"{name} = %s" for name in values)
    with stores.backend.engine.writing() as cursor:
        table = TaskRecord._meta.db_table
        cursor.execute(
            f"UPDATE {table} SET {assignments} WHERE task_id = %s", [*values.values(), task_id]
        )


def value_of(task_id, column):
    return TaskRecord.objects.values_list(column, flat=True).get(task_id=task_id)


@pytest.mark.parametrize("column", WRONG)
def test_a_malformed_row_fails_and_what_is_claimed_with_it_runs(stores, column):
    enlist(stores.backend, "w")
    bad, good = record_many(stores.backend, 2)
    spoil(stores, bad, **{column: WRONG[column]})
    taken = stores.take("w", LANES, 10)
    assert [job.task_id for job in taken.jobs] == [good]
    assert (value_of(bad, "status"), value_of(bad, "error")) == ("failed", MALFORMED)


@pytest.mark.parametrize("values", [{"kind": "junk"}, {"crashes": "many"}], ids=str)
def test_a_malformed_row_that_is_said_to_run_keeps_none_from_being_rescued(stores, values):
    good, bad = (claim_new(stores.backend, "w").task_id for _ in range(2))
    spoil(stores, bad, **values)
    stores.backend.dismiss("w")
    stores.rescue("w", None)
    assert (value_of(good, "status"), value_of(bad, "status")) == ("retrying", "failed")


@pytest.mark.parametrize("due_at", ["", "never", "2026-13-45", -1, 1e300], ids=str)
def test_a_moment_that_is_none_holds_up_nothing(stores, due_at):
    enlist(stores.backend, "w")
    bad, good = record_many(stores.backend, 2)
    spoil(stores, bad, due_at=due_at)
    taken = stores.take("w", LANES, 10)
    assert good in {job.task_id for job in taken.jobs}


def test_a_queue_that_has_no_name_is_not_served(stores):
    record(stores.backend)
    odd = record(stores.backend)
    spoil(stores, odd, queue=b"\x00")
    assert stores.backend.queues() == {"default"}
