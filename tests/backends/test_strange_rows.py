"""Rows that somebody else has written, over every database: moments without a name, odd kinds."""

from datetime import timedelta

import pytest
from django.db import connections

from flowrra_django.models import TaskRecord
from flowrra_django.results import TaskStatus
from tests.contracts.acts import IO, claim_new, enlist, enqueue, failure, status_of
from tests.contracts.stores import DATABASES, OVER_DATABASES, emptied, need

MOMENTS = {
    "sqlite": [
        "",
        "2026-13-45",
        "2026-13-45 00:00:00",
        "0000-00-00 00:00:00",
        "0001-01-01 00:00:00",
    ],
    "postgresql": ["infinity", "-infinity", "0044-03-15 12:00:00 BC", "12000-01-01"],
    "mysql": ["0000-00-00 00:00:00", "2026-00-00 00:00:00"],
}


@pytest.fixture(params=[*DATABASES, *OVER_DATABASES], ids=lambda pair: pair.name)
def pair(request):
    emptied(request.param.ledger, request)
    need(request.param.server)
    request.getfixturevalue(request.param.needs)
    request.param.wipe_index()
    return request.param


@pytest.fixture
def stores(stores):
    enlist(stores.backend, "w")
    return stores


def spoil(stores, task_id, **values):
    """Put values into a record, as a program does that is not strict."""
    connection = connections[stores.backend.alias]
    assignments = ", ".join(f"{name} = %s" for name in values)
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SET sql_mode = ''")
        cursor.execute(
            f"UPDATE {TaskRecord._meta.db_table} SET {assignments} WHERE task_id = %s",
            [*values.values(), task_id],
        )
        assert cursor.rowcount == 1


def moments(stores):
    return MOMENTS[connections[stores.backend.alias].vendor]


def take(stores):
    return {job.task_id for job in stores.take("w", [IO], 100).jobs}


def sweep(stores):
    while stores.broker.sweep(-1.0).has_more:
        pass


@pytest.mark.parametrize("column", ["claim", "attempts", "failures", "crashes"])
def test_a_number_that_is_the_largest_there_is_holds_up_no_job(stores, column):
    good, odd = enqueue(stores), enqueue(stores)
    spoil(stores, odd, **{column: 2**31 - 1})
    assert take(stores) == {good}
    assert status_of(stores.backend, odd) is TaskStatus.FAILED


@pytest.mark.parametrize("column", ["claim", "attempts", "failures", "crashes"])
def test_a_job_that_was_run_less_than_never_is_not_run_for_ever(stores, column):
    good, odd = enqueue(stores), enqueue(stores)
    spoil(stores, odd, **{column: -(2**31)})
    assert take(stores) == {good}
    assert status_of(stores.backend, odd) is TaskStatus.FAILED


@pytest.mark.parametrize("column", ["submitted_at", "run_after", "expires_at"])
def test_a_moment_that_has_no_name_holds_up_no_job(stores, column):
    good = {enqueue(stores), enqueue(stores)}
    for moment in moments(stores):
        spoil(stores, enqueue(stores), **{column: moment})
    stores.backend.expire(100)
    assert take(stores) >= good
    assert len(stores.backend.held("w", IO.kind)) >= len(good)


@pytest.mark.parametrize("column", ["submitted_at", "run_after"])
def test_a_moment_that_has_no_name_hides_nothing_that_has_grown_old(stores, clock, column):
    good = enqueue(stores, priority=9)
    for priority, moment in enumerate(moments(stores)):
        spoil(stores, enqueue(stores, priority=priority), **{column: moment})
    clock.advance(100)
    assert good in {job.task_id for job in stores.take_old("w", [IO], 10, 50)}


@pytest.mark.parametrize("values", [{"priority": 2**31 - 1}, {"kind": "junk"}])
def test_an_odd_row_hides_nothing_that_has_grown_old(stores, clock, values):
    good, odd = enqueue(stores, priority=9), enqueue(stores, priority=8)
    spoil(stores, odd, **values)
    clock.advance(100)
    assert good in {job.task_id for job in stores.take_old("w", [IO], 10, 50)}


def test_a_job_that_is_due_at_no_moment_that_has_a_name_holds_up_no_other(stores, clock):
    good, late = enqueue(stores), enqueue(stores, run_after=clock.moment())
    for moment in moments(stores):
        spoil(stores, enqueue(stores), due_at=moment)
    clock.advance(60)
    taken = set()
    for _ in range(3):
        taken |= take(stores)
        sweep(stores)
    assert {good, late} <= taken


@pytest.mark.parametrize("is_nothing", [False, True])
def test_a_job_that_started_at_no_moment_that_has_a_name_is_rescued_with_others(stores, is_nothing):
    good = claim_new(stores.backend, "w").task_id
    strange = [None] if is_nothing else moments(stores)
    spoilt = [claim_new(stores.backend, "w").task_id for _ in strange]
    for task_id, moment in zip(spoilt, strange, strict=True):
        spoil(stores, task_id, started_at=moment)
    stores.backend.dismiss("w")
    stores.rescue("w", None)
    assert {status_of(stores.backend, task_id).value for task_id in (good,)} == {"retrying"}
    enlist(stores.backend, "w")
    assert take(stores) >= {good, *spoilt}


def test_a_job_of_an_unknown_kind_is_not_retried_and_others_are(stores):
    good, odd = enqueue(stores), enqueue(stores)
    jobs = stores.take("w", [IO], 10).jobs
    stores.settle("w", [failure(job) for job in jobs])
    spoil(stores, odd, kind="junk")
    assert stores.retry([good, odd]) == {good}
    assert status_of(stores.backend, odd) is TaskStatus.FAILED
    assert take(stores) == {good}


def test_a_job_that_becomes_malformed_while_it_runs_is_given_back_without_harm(stores):
    good, odd = enqueue(stores), enqueue(stores)
    take(stores)
    spoil(stores, odd, kind="junk")
    stores.backend.dismiss("w")
    stores.rescue("w", None)
    enlist(stores.backend, "w")
    assert take(stores) == {good}
    assert status_of(stores.backend, odd) is TaskStatus.FAILED


@pytest.mark.parametrize(
    "column", ["submitted_at", "run_after", "started_at", "finished_at", "expires_at"]
)
def test_a_moment_that_has_no_name_hides_no_result(stores, column):
    good = enqueue(stores)
    spoilt = [enqueue(stores) for _ in moments(stores)]
    for task_id, moment in zip(spoilt, moments(stores), strict=True):
        spoil(stores, task_id, **{column: moment})
    asked = {good, *spoilt}
    assert stores.backend.results(asked).keys() == asked
    assert stores.backend.summaries(asked).keys() == asked
    told = [getattr(result, column) for result in stores.backend.results(spoilt).values()]
    assert [moment for moment in told if moment.utcoffset() != timedelta(0)] == []
