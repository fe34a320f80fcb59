"""What jobs do to the connection of the test that runs them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone, translation

from flowrra_django.testing import run_jobs
from tests.testing import tasks


@pytest.fixture(
    params=[
        pytest.param("TestCase", marks=pytest.mark.django_db),
        pytest.param("TransactionTestCase", marks=pytest.mark.django_db(transaction=True)),
    ]
)
def database(request):
    """Hold the test in a transaction, or not, as one of Django's test cases does."""
    return request.param


def names():
    return set(Group.objects.values_list("name", flat=True))


def healthy():
    """Whether this connection can still write, and what it then holds can be undone."""
    with transaction.atomic():
        Group.objects.create(name="healthy")
        transaction.set_rollback(True)
    return "healthy" not in names()


def state():
    return connection.in_atomic_block, connection.autocommit, len(connection.savepoint_ids)


def test_a_job_keeps_what_it_wrote(database):
    tasks.make_group.enqueue("a")
    tasks.make_group_async.enqueue("b")
    run_jobs()
    assert names() == {"a", "b"}


def test_a_job_that_raised_keeps_what_it_wrote_before_as_in_production(database):
    job = tasks.make_group_and_fail.enqueue("a")
    run_jobs()
    assert job.get().error == "a"
    assert names() == {"a"}


def test_a_job_that_breaks_its_transaction_leaves_the_tests_whole(db):
    Group.objects.create(name="before")
    job = tasks.break_transaction.enqueue("a")
    tasks.make_group.enqueue("after")
    run_jobs()
    assert job.get().is_success
    assert tasks.calls == ["broken"], "and nothing was committed"
    assert names() == {"before", "after"}
    assert healthy()


def test_a_job_that_catches_a_database_error_keeps_the_rest_without_a_transaction(transactional_db):
    tasks.break_transaction.enqueue("a")
    run_jobs()
    assert tasks.calls == ["committed", "broken"]
    assert names() == {"a"}


@pytest.mark.parametrize("task", [tasks.leave_open, tasks.switch_autocommit_off])
def test_a_transaction_that_a_job_leaves_open_is_rolled_back(database, task):
    before = state()
    Group.objects.create(name="before")
    task.enqueue("a")
    run_jobs()
    assert names() == {"before"}
    assert state() == before
    assert healthy()


def test_a_durable_block_is_outermost_in_a_job(database):
    job = tasks.be_durable.enqueue("a")
    run_jobs()
    assert job.get().error is None
    assert names() == {"a"}


def test_callbacks_of_a_job_are_called_when_it_ends_or_its_block_does(database):
    tasks.act_on_commit.enqueue()
    run_jobs()
    assert sorted(tasks.calls) == ["code", "first", "nested"]
    end = {"TestCase": "nested", "TransactionTestCase": "code"}
    assert tasks.calls[-1] == end[database]


def test_callbacks_of_the_test_are_left_to_it(db):
    transaction.on_commit(lambda: tasks.calls.append("test"))
    tasks.act_on_commit.enqueue()
    run_jobs()
    assert "test" not in tasks.calls


@pytest.mark.parametrize(("robust", "status"), [(True, "success"), (False, "failed")])
def test_a_callback_that_raises_fails_its_job_unless_it_is_robust(database, robust, status):
    job = tasks.fail_on_commit.enqueue(robust)
    after = tasks.note.enqueue("after")
    run_jobs()
    assert job.get().status == status
    assert after.get().is_success
    assert healthy()


def test_what_a_job_enqueues_on_commit_runs(database):
    tasks.enqueue_on_commit.enqueue()
    assert len(run_jobs()) == 2
    assert tasks.calls == ["from on_commit"]


def test_jobs_run_inside_a_block_of_the_test_vanish_with_it(transactional_db):
    with transaction.atomic():
        job = tasks.make_group.enqueue("a")
        run_jobs()
        assert job.get().is_success
        transaction.set_rollback(True)
    assert names() == set()


@pytest.mark.parametrize("task", [tasks.go_abroad, tasks.go_abroad_async])
def test_a_time_zone_or_language_that_a_job_activates_ends_with_it(db, task):
    task.enqueue()
    before = timezone.get_current_timezone_name(), translation.get_language()
    run_jobs(raise_errors=True)
    assert (timezone.get_current_timezone_name(), translation.get_language()) == before
