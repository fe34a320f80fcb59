"""The contract of Django's tasks: its own immediate backend, and ours on every store."""

import json

import pytest
from django.db import connections
from django.test import SimpleTestCase
from django.test.utils import override_settings

from flowrra_django import runtime
from tests.contracts.namespace import redis_config
from tests.contracts.stores import need, wipe_database, wipe_redis
from tests.support import worker_process
from tests.tasks_backend import api  # noqa: F401  (skips where there are none)

from flowrra_django.testing import TaskBackendContract  # isort: skip

EXECUTOR = {"MAX_RETRIES": 1, "RETRY_DELAY": 0.05}


@pytest.fixture(scope="class")
def open_databases(ledger_tables, django_db_blocker):
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@pytest.fixture(scope="class")
def worker_of_the_class(open_databases, request, tmp_path_factory):
    """Run one for all tests of a class, on the store that the class names."""
    made = request.cls
    need(made.server)
    made.wipe()
    given = made.keep_jobs()
    log = tmp_path_factory.mktemp("worker") / "log"
    with (
        override_settings(FLOWRRA=given),
        worker_process(log=log, FLOWRRA_TEST_SETTINGS=json.dumps(given)),
    ):
        yield
        runtime.get_stores().stop()
    made.wipe()


class OnAnyDatabase(SimpleTestCase):
    databases = "__all__"


@pytest.mark.usefixtures("open_databases")
class TestImmediateBackend(TaskBackendContract, OnAnyDatabase):
    backend_alias = "immediate"


@pytest.mark.usefixtures("worker_of_the_class")
class OurBackend(TaskBackendContract):
    """Jobs are run by a real worker, which serves all tests of a class."""

    server = ""

    @classmethod
    def keep_jobs(cls):
        """Return settings.FLOWRRA."""
        return {"BACKEND": {"URL": f"django://{cls.database_alias}"}, "EXECUTOR": EXECUTOR}

    @classmethod
    def wipe(cls):
        wipe_database(cls.database_alias)


class TestOnSqlite(OurBackend, OnAnyDatabase):
    pass


class TestOnPostgresql(OurBackend, OnAnyDatabase):
    database_alias, server = "postgresql", "postgres"


class TestOnMariadb(OurBackend, OnAnyDatabase):
    database_alias, server = "mariadb", "mysql"


class TestOnRedis(OurBackend, OnAnyDatabase):
    server = "redis"

    @classmethod
    def keep_jobs(cls):
        config = redis_config()
        backend = {"URL": config.url, "NAMESPACE": config.namespace}
        return {"BACKEND": backend, "EXECUTOR": EXECUTOR}

    @classmethod
    def wipe(cls):
        wipe_redis()
