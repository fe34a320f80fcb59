"""The index in SQLite: jobs that come in a caller's transaction, and who hears of them."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from flowrra_django import runtime
from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.database import DatabaseBroker
from flowrra_django.config import BrokerConfig
from flowrra_django.exceptions import ConfigurationError
from flowrra_django.results import TaskStatus
from tests.contracts.acts import IO, Undo, elsewhere, enlist, record
from tests.testapp.tasks import add

pytestmark = pytest.mark.sqlite


@pytest.fixture
def stores(ledger_database):
    """The site's own stores, and what rings there."""
    stores = runtime.get_stores()
    enlist(stores.backend, "w")
    yield stores
    stores.close()


@pytest.fixture
def rings(stores):
    rings = []
    leave = stores.broker.subscribe(lambda: rings.append(connection.in_atomic_block))
    yield rings
    leave()


def test_a_job_enqueued_in_a_transaction_that_rolls_back_leaves_nothing(stores, rings):
    with pytest.raises(Undo), transaction.atomic():
        job = add.enqueue(1, 2)
        raise Undo
    assert stores.backend.results([job.task_id]) == {}
    assert stores.broker.depth([IO], 10) == 0
    assert rings == []


def test_a_job_enqueued_in_a_transaction_waits_and_rings_once_that_is_committed(stores, rings):
    with transaction.atomic():
        job = add.enqueue(1, 2)
        assert rings == []
        assert elsewhere(stores, partial(stores.broker.depth, [IO], 10)) == 0
    assert rings == [False]
    assert [taken.task_id for taken in stores.take("w", [IO], 10).jobs] == [job.task_id]


def test_a_job_enqueued_in_a_savepoint_that_rolls_back_is_gone_and_the_others_stay(stores, rings):
    with transaction.atomic():
        first = add.enqueue(1, 2)
        with pytest.raises(Undo), transaction.atomic():
            add.enqueue(3, 4)
            raise Undo
    assert [taken.task_id for taken in stores.take("w", [IO], 10).jobs] == [first.task_id]
    assert rings == [False]


def test_many_jobs_enqueued_in_a_transaction_go_with_it(stores):
    with pytest.raises(Undo), transaction.atomic():
        add.enqueue_many([(n, n) for n in range(5)])
        raise Undo
    assert stores.broker.depth([IO], 10) == 0


def test_a_job_enqueued_outside_of_transactions_waits_at_once(stores, rings):
    job = add.enqueue(1, 2)
    assert rings == [False]
    assert job.get().status is TaskStatus.PENDING
    assert elsewhere(stores, partial(stores.broker.depth, [IO], 10)) == 1


def test_what_this_connection_commits_is_no_news_to_it(stores):
    broker = stores.broker
    broker.changed()
    enlist(stores.backend, "other")
    assert broker.changed() is False
    elsewhere(stores, partial(enlist, stores.backend, "third"))
    assert broker.changed() is True


def test_a_look_where_nothing_waits_takes_no_write_lock(stores, django_assert_num_queries):
    with django_assert_num_queries(1):
        stores.take("w", [IO], 10)


def test_the_index_needs_the_ledger_of_the_same_database():
    with pytest.raises(ConfigurationError, match="same database"):
        DatabaseBroker.from_config(BrokerConfig("django://default"), InMemoryBackend())


def test_what_another_connection_brings_is_noticed_once(stores):
    broker = stores.broker
    broker.changed()
    assert broker.changed() is False
    elsewhere(stores, lambda: record(stores.backend))
    assert broker.changed() is True
    assert broker.changed() is False


def test_a_worker_that_only_looks_changes_nothing_for_the_others(stores):
    broker = stores.broker
    record(stores.backend, run_after=timedelta(hours=1))
    broker.changed()
    elsewhere(stores, lambda: (broker.take("w", [IO], 10), broker.depth([IO], 10)))
    assert broker.changed() is False
