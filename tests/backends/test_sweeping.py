"""Every database: which records carry the mark that an index elsewhere knows them."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from tests.contracts.acts import claim, enlist, new_job, record, to_retry


@pytest.fixture
def backend(stores):
    enlist(stores.backend, "w")
    stores.backend.index_elsewhere()
    return stores.backend


def unmarked(backend):
    return backend.unindexed(0, 2_000, -1.0)


@contextmanager
def changes(backend):
    """Collect how many rows each statement changes; of one that is executed for many, -1."""
    rows = []

    def note(execute, statement, parameters, many, context):
        result = execute(statement, parameters, many, context)
        if statement.split(maxsplit=1)[0] == "UPDATE":
            rows.append(-1 if many else context["cursor"].rowcount)
        return result

    with connections[backend.alias].execute_wrapper(note):
        yield rows


def retried(backend, task_id):
    backend.settle("w", [to_retry(claim(backend, "w", task_id))])


def test_jobs_are_marked_whatever_claims_they_have_had(backend):
    fresh, once, twice = record(backend), record(backend), record(backend)
    for task_id in (once, twice, twice):
        retried(backend, task_id)
    seen = unmarked(backend)
    assert {each.entry.task_id: each.claim for each in seen} == {fresh: 0, once: 1, twice: 2}

    backend.mark_indexed(seen)

    assert unmarked(backend) == []


def test_a_job_that_is_recorded_alone_has_its_place_without_another_question(backend):
    for _ in range(2):
        with CaptureQueriesContext(connections[backend.alias]) as executed:
            (entry,) = backend.record([new_job(backend)])
        assert [entry] == backend.entries([entry.task_id])
        assert len(executed) == 1


def test_the_delay_of_a_job_is_that_of_the_end_of_its_transaction(backend, clock):
    (entry,) = backend.record([new_job(backend, run_after=timedelta(hours=1))])
    assert entry.sequence == 0
    clock.advance(1800)
    (later,) = backend.entries([entry.task_id])
    assert later.delay < 1801


def test_what_has_been_claimed_since_is_not_marked_and_the_rest_is(backend):
    claimed, other = record(backend), record(backend)
    seen = unmarked(backend)
    retried(backend, claimed)

    backend.mark_indexed(seen)

    assert other != claimed
    assert [each.entry.task_id for each in unmarked(backend)] == [claimed]


def test_a_page_is_marked_in_one_statement(backend):
    backend.record([new_job(backend) for _ in range(1_000)])
    seen = unmarked(backend)

    with changes(backend) as rows_of_each:
        backend.mark_indexed(seen)

    assert rows_of_each == [1_000]
    assert unmarked(backend) == []
