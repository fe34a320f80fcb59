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


def indexes(alias):
    with connections[alias].cursor() as cursor:
        table = TaskRecord._meta.db_table
        found = connections[alias].introspection.get_constraints(cursor, table)
    return {name for name, how in found.items() if name.startswith("flowrra_") and how["columns"]}


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
