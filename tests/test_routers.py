"""A ledger in a database of its own: its tables are there, and nowhere else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from django.db import router, transaction

from flowrra_django import TaskStatus
from flowrra_django.checks import check_router
from flowrra_django.models import TaskRecord
from flowrra_django.testing import run_jobs
from tests import names
from tests.contracts.acts import Undo
from tests.support import ROOT
from tests.testapp.tasks import double

LEDGER = "ledger"
ROUTER = ["flowrra_django.routers.LedgerRouter"]
TABLE = TaskRecord._meta.db_table

pytestmark = pytest.mark.django_db(databases=["default", LEDGER], transaction=True)


@pytest.fixture
def elsewhere(settings):
    settings.FLOWRRA = {"BACKEND": f"django://{LEDGER}"}
    settings.DATABASE_ROUTERS = ROUTER


def test_without_a_setting_the_models_are_in_the_default_database(settings):
    settings.DATABASE_ROUTERS = ROUTER
    assert router.db_for_read(TaskRecord) == "default"
    assert router.allow_migrate_model("default", TaskRecord)
    assert not router.allow_migrate_model(LEDGER, TaskRecord)


def test_the_models_are_read_and_written_in_the_ledgers_database(elsewhere):
    double.enqueue(2)
    assert TaskRecord.objects.count() == 1
    assert TaskRecord.objects.using("default").count() == 0


def test_the_models_of_others_are_left_alone(elsewhere, django_user_model):
    assert router.db_for_read(django_user_model) == "default"
    assert router.allow_migrate_model(LEDGER, django_user_model)


@pytest.mark.sqlite
def test_the_tables_are_made_in_the_ledgers_database_and_nowhere_else(tmp_path):
    (tmp_path / "elsewhere.py").write_text(
        "from tests.settings import *\n"
        f"FLOWRRA = {{'BACKEND': 'django://{LEDGER}'}}\nDATABASE_ROUTERS = {ROUTER}\n"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "elsewhere",
        names.VARIABLE: str(tmp_path),
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
    }
    for alias in ("default", LEDGER):
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--verbosity=0", f"--database={alias}"],
            env={**os.environ, **environment},
            check=True,
        )
    assert TABLE in tables_of(tmp_path / "ledger.sqlite3")
    assert not {t for t in tables_of(tmp_path / "default.sqlite3") if t.startswith("flowrra")}


def tables_of(path):
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master")}


def test_jobs_are_a_part_of_the_transactions_of_their_database_alone(elsewhere):
    with pytest.raises(Undo), transaction.atomic(using=LEDGER):
        double.enqueue(1)
        raise Undo
    assert TaskRecord.objects.count() == 0
    with pytest.raises(Undo), transaction.atomic(using="default"):
        double.enqueue(1)
        raise Undo
    assert TaskRecord.objects.count() == 1


def test_jobs_run(elsewhere):
    job = double.enqueue(2)
    run_jobs()
    assert (job.get().status, job.get().result) == (TaskStatus.SUCCESS, 4)


def test_a_mistake_in_the_settings_is_left_to_the_check(settings):
    settings.FLOWRRA = {"BACKEND": "nowhere"}
    settings.DATABASE_ROUTERS = ROUTER
    assert router.db_for_read(TaskRecord) == "default"
    assert check_router() == []


# The check


def test_a_ledger_elsewhere_with_its_router_brings_no_word(elsewhere):
    assert check_router() == []


def test_a_ledger_elsewhere_without_a_router_brings_a_warning(settings):
    settings.FLOWRRA = {"BACKEND": f"django://{LEDGER}"}
    (caution,) = check_router()
    assert caution.id == "flowrra_django.W003"
    assert "LedgerRouter" in caution.hint
    assert not caution.is_serious()


def test_the_default_database_needs_no_router(settings):
    assert check_router() == []
