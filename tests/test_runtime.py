"""The app's one config, stores and way in follow the settings."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import override_settings
from redis import ConnectionError  # noqa: A004 - that one is what Redis' client raises

from flowrra_django import ConfigurationError, JobNotFoundError, runtime
from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.conf import load_config
from flowrra_django.models import TaskRecord
from tests.contracts.acts import IO, Undo
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need
from tests.testapp import tasks


def test_without_settings_everything_is_in_the_default_database(settings):
    del settings.FLOWRRA
    config = load_config()
    assert (config.backend.url, config.broker.url) == ("django://default", "django://default")
    assert config.backend.family == "database"
    assert runtime.ledger_alias(config) == "default"


def test_a_broker_that_is_not_named_is_the_backends_own(settings):
    settings.FLOWRRA = {"BACKEND": {"URL": "memory://x", "TTL": 60}}
    assert runtime.get_config().broker.url == "memory://x"


def test_changed_settings_are_seen_at_once_and_forgotten_again():
    assert isinstance(runtime.get_stores().backend, DatabaseBackend)
    with override_settings(FLOWRRA={"BACKEND": "memory://", "EXECUTOR": {"IO_WORKERS": 7}}):
        assert runtime.get_config().executor.io_workers == 7
        assert isinstance(runtime.get_stores().backend, InMemoryBackend)
    assert runtime.get_config().executor.io_workers == 100
    assert isinstance(runtime.get_stores().backend, DatabaseBackend)


@pytest.mark.django_db(transaction=True)
def test_jobs_follow_changed_settings(settings):
    settings.FLOWRRA = {"BACKEND": "memory://", "BROKER": "memory://"}
    assert tasks.add.enqueue(1, 2).get().args == (1, 2)
    assert not TaskRecord.objects.exists()


def test_a_mistake_is_told_of_when_the_settings_are_read(settings):
    settings.FLOWRRA = {"EXECUTOR": {"IO_WORKRES": 7}}
    with pytest.raises(ConfigurationError, match="IO_WORKERS"):
        runtime.get_config()


@pytest.mark.django_db(transaction=True)
def test_it_knows_whether_a_transaction_is_open():
    assert not runtime.in_transaction()
    with transaction.atomic():
        assert runtime.in_transaction()


@pytest.mark.django_db
def test_no_table_is_missing_after_the_migrations():
    assert runtime.missing_tables(runtime.get_config()) == []


# A ledger that is not in the database


@pytest.fixture(params=["memory", "redis"])
def other_ledger(request, settings):
    """Have the site keep its jobs elsewhere than in its database."""
    settings.FLOWRRA = {"BACKEND": "memory://"}
    if request.param == "redis":
        need("redis")
        request.getfixturevalue("ledger_redis")
        config = redis_config()
        settings.FLOWRRA = {"BACKEND": {"URL": config.url, "NAMESPACE": config.namespace}}


@pytest.mark.django_db(transaction=True)
def test_a_ledger_outside_of_the_database_has_a_job_once_the_transaction_is_committed(other_ledger):
    with transaction.atomic():
        job = tasks.add.enqueue(1, 2)
        with pytest.raises(JobNotFoundError):
            job.get()
    assert job.get().args == (1, 2)
    assert not TaskRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_ledger_outside_of_the_database_has_nothing_of_a_transaction_that_rolls_back(
    other_ledger,
):
    with pytest.raises(Undo), transaction.atomic():
        jobs = [tasks.add.enqueue(1, 2), *tasks.add.enqueue_many([(3, 4), (5, 6)])]
        raise Undo
    assert runtime.get_stores().backend.results([job.task_id for job in jobs]) == {}
    assert runtime.get_stores().broker.depth([IO], 10) == 0


@pytest.mark.django_db(transaction=True)
def test_arguments_that_cannot_be_carried_are_refused_before_the_commit(other_ledger):
    with transaction.atomic(), pytest.raises(ValueError, match="priority"):
        tasks.add.using(priority=2**40).enqueue(1, 2)


@pytest.mark.django_db(transaction=True)
def test_a_job_that_could_not_be_recorded_after_the_commit_is_told_of(settings):
    settings.FLOWRRA = {"BACKEND": {"URL": "unix:///nowhere", "SOCKET_TIMEOUT": 1.0}}
    with pytest.raises(ConnectionError), transaction.atomic():
        tasks.add.enqueue(1, 2)
    with pytest.raises(ConnectionError):
        tasks.add.enqueue(1, 2)


def test_a_broker_alone_keeps_its_results_and_a_payload_limit(settings):
    settings.FLOWRRA = {"BROKER": {"URL": "redis://h", "NAMESPACE": "shop"}}
    backend = runtime.get_config().backend
    assert (backend.url, backend.namespace, backend.ttl) == ("redis://h", "shop", 7 * 86400)
    assert runtime.missing_tables(runtime.get_config()) == []
