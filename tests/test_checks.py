"""System checks, and that the worker heeds them."""

from __future__ import annotations

import copy

import pytest
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.db import connections

from flowrra_django import TaskStatus
from flowrra_django.checks import SQLITE_OPTIONS, check_settings, check_sqlite
from tests.testapp import tasks

# Django 6.1's own checks ask the database.
pytestmark = pytest.mark.django_db(transaction=True)

PROBLEMS = [
    ({"EXECUTER": {}}, "EXECUTOR"),
    ({"EXECUTOR": {"IO_WORKRES": 3}}, "IO_WORKERS"),
    ({"EXECUTOR": {"IO_WORKERS": 0}}, "IO_WORKERS"),
    ({"EXECUTOR": {"IO_WORKERS": "three"}}, "IO_WORKERS"),
    ({"EXECUTOR": {"HEARTBEAT_TIMEOUT": 5, "HEARTBEAT_INTERVAL": 5}}, "HEARTBEAT_TIMEOUT"),
    ({"BACKEND": "djnago://default"}, "django"),
    ({"BACKEND": {"TTL": 5}}, "URL"),
    ({"BROKER": "memory://", "BACKEND": "django://default"}, "do not go together"),
    (["EXECUTOR"], "FLOWRRA"),
    (None, "FLOWRRA"),
]


@pytest.mark.parametrize(("given", "named"), PROBLEMS)
def test_a_mistake_in_the_settings_is_an_error_that_names_it(settings, given, named):
    settings.FLOWRRA = given
    errors = [
        error
        for error in run_checks(tags=[Tags.compatibility])
        if error.id == "flowrra_django.E001"
    ]
    assert len(errors) == 1
    assert errors[0].is_serious()
    assert named in errors[0].msg


def test_each_problem_is_an_error_of_its_own(settings):
    settings.FLOWRRA = {"BACKND": "x", "EXECUTOR": {"CPU_WORKERS": -1, "RETRY_DELAY": "soon"}}
    assert len(check_settings()) == 3


def test_sound_settings_bring_no_word(settings):
    settings.FLOWRRA = {"EXECUTOR": {"IO_WORKERS": 3}}
    assert [
        m
        for m in run_checks(tags=[Tags.compatibility])
        if (m.id or "").startswith("flowrra_django")
    ] == []


def test_a_ledger_in_memory_brings_a_warning(settings):
    settings.FLOWRRA = {"BACKEND": "memory://", "BROKER": "memory://"}
    (caution,) = check_settings()
    assert caution.id == "flowrra_django.W002"
    assert not caution.is_serious()


@pytest.mark.parametrize("alias", ["nowhere", "defualt"])
def test_a_database_that_is_not_configured_is_an_error(settings, alias):
    settings.FLOWRRA = {"BACKEND": f"django://{alias}"}
    (error,) = [m for m in run_checks(tags=[Tags.compatibility]) if m.id == "flowrra_django.E001"]
    assert alias in error.msg
    assert error.hint.startswith("It has: default")
    assert ("default'?" in error.msg) is (alias == "defualt")


@pytest.fixture
def options(monkeypatch):
    """Stand in for the OPTIONS of the default database."""
    fresh = copy.deepcopy(connections["default"].settings_dict)
    monkeypatch.setattr(connections["default"], "settings_dict", fresh)
    return fresh["OPTIONS"]


@pytest.mark.sqlite
@pytest.mark.parametrize("missing", ["transaction_mode", "init_command"])
def test_sqlite_without_the_options_for_two_writers_brings_the_remedy(options, missing):
    del options[missing]
    (caution,) = check_sqlite()
    assert caution.id == "flowrra_django.W001"
    assert "DATABASES['default']" in caution.msg
    assert SQLITE_OPTIONS in caution.hint


@pytest.mark.sqlite
def test_the_remedy_for_sqlite_is_code_that_silences_the_warning(options):
    given = options.copy()
    options.clear()
    assert len(check_sqlite()) == 1
    options.update(eval("{" + SQLITE_OPTIONS + "}")["OPTIONS"])
    assert check_sqlite() == []
    assert options.items() <= given.items()


@pytest.mark.parametrize(
    "init", ["pragma journal_mode = wal", "PRAGMA synchronous=NORMAL; PRAGMA journal_mode=WAL"]
)
def test_other_ways_of_writing_the_options_do_as_well(options, init):
    options |= {"transaction_mode": "exclusive", "init_command": init}
    assert check_sqlite() == []


@pytest.mark.django_db(transaction=True)
def test_the_worker_stops_with_the_same_message_and_claims_nothing(start_worker):
    handle = tasks.add.enqueue(1, 2)
    worker = start_worker("--burst", FLOWRRA_TEST_SETTINGS='{"EXECUTOR": {"CPU_WORKERS": 0}}')
    assert worker.wait() == 2
    settings_before = settings.FLOWRRA
    try:
        settings.FLOWRRA = {"EXECUTOR": {"CPU_WORKERS": 0}}
        (error,) = check_settings()
    finally:
        settings.FLOWRRA = settings_before
    assert error.msg in worker.output
    assert "Traceback" not in worker.output
    result = handle.get()
    assert (result.status, result.attempts) == (TaskStatus.PENDING, 0)
