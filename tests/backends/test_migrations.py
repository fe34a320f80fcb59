"""Migrations go back and forth on every database, with jobs in the table."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction

from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.models import TaskRecord
from tests.contracts.acts import new_job, result_of
from tests.contracts.stores import MARIADB, POSTGRESQL, SQLITE, emptied

APP = "flowrra_django"


@pytest.fixture(params=[SQLITE, POSTGRESQL, MARIADB], ids=lambda ledger: ledger.name)
def alias(request):
    emptied(request.param, request)
    alias = "default" if request.param is SQLITE else request.param.name
    yield alias
    call_command("migrate", APP, database=alias, verbosity=0)


def constraints(alias):
    with connections[alias].cursor() as cursor:
        table = TaskRecord._meta.db_table
        return connections[alias].introspection.get_constraints(cursor, table).items()


def indexes(alias):
    found = constraints(alias)
    return {name for name, how in found if name.startswith("flowrra_") and how["columns"]}


def indexes_of_ids(alias):
    return {name for name, how in constraints(alias) if how["columns"] == ["task_id"]}


def test_what_keeps_jobs_unique_and_finds_the_expired_goes_and_comes(alias):
    backend = DatabaseBackend(alias)
    jobs = [new_job(backend, number, unique_key=f"k{number}") for number in range(3)]
    backend.record_unique(jobs)
    ours = {"flowrra_unique_key", "flowrra_expiring"}
    before = indexes(alias)
    assert ours <= before
    call_command("migrate", APP, "0003", database=alias, verbosity=0)
    assert not ours & indexes(alias)
    call_command("migrate", APP, database=alias, verbosity=0)
    assert indexes(alias) == before
    assert result_of(backend, jobs[2].task_id).args == (2,)
    with pytest.raises(IntegrityError), transaction.atomic(using=alias):
        backend.record([new_job(backend, unique_key="k1")])


def test_ids_have_one_index_and_get_a_second_one_back(alias):
    backend = DatabaseBackend(alias)
    (job,) = jobs = [new_job(backend)]
    backend.record(jobs)
    has_second = connections[alias].vendor == "postgresql"
    assert len(indexes_of_ids(alias)) == 1
    call_command("migrate", APP, "0006", database=alias, verbosity=0)
    assert len(indexes_of_ids(alias)) == 1 + has_second
    call_command("migrate", APP, database=alias, verbosity=0)
    assert len(indexes_of_ids(alias)) == 1
    with pytest.raises(IntegrityError), transaction.atomic(using=alias):
        backend.record([job])
