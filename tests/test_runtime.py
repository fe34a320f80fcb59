"""The app's one config, stores and way in follow the settings."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import override_settings

from flowrra_django import ConfigurationError, runtime
from flowrra_django.backends.database import DatabaseBackend
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.conf import load_config
from flowrra_django.models import TaskRecord
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
