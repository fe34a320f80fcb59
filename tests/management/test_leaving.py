"""How the process of a worker ends when its store does not let it."""

from __future__ import annotations

import signal

import pytest
from django.db import connections, transaction

from flowrra_django import runtime
from flowrra_django.results import TaskStatus
from tests.contracts.stores import need
from tests.support import until
from tests.testapp import tasks
from tests.worker.sites import DATABASES, site_in

pytestmark = pytest.mark.django_db(transaction=True, databases=DATABASES)


@pytest.mark.sqlite
def test_a_second_signal_ends_a_worker_whose_store_does_not_answer(settings, start_worker):
    need("postgres")
    with site_in("postgresql", settings) as environment:
        job = tasks.nap.enqueue(60)
        worker = start_worker(**environment)
        until(lambda: job.get().status is TaskStatus.RUNNING)
        alias = runtime.ledger_alias()
        with transaction.atomic(alias), connections[alias].cursor() as cursor:
            cursor.execute("LOCK TABLE flowrra_django_workerprocess IN ACCESS EXCLUSIVE MODE")
            worker.send(signal.SIGTERM)
            until(lambda: "Draining" in worker.output)
            worker.send(signal.SIGTERM)
            assert worker.wait(30) == 70
    assert "The store has not answered for 5 s; this worker ends" in worker.output
