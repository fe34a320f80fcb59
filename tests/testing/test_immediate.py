from __future__ import annotations

import asyncio
import unittest
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import TestCase, override_settings

from flowrra_django import FlowrraError, runtime
from flowrra_django.testing import enqueued_jobs, immediate_jobs, run_jobs
from tests.testing import tasks


@pytest.mark.parametrize("task", [tasks.note, tasks.note_async, tasks.note_cpu, tasks.note_mail])
def test_a_job_has_run_when_enqueue_returns(ledger, task):
    with immediate_jobs():
        job = task.enqueue("a")
        assert tasks.calls == ["a"]
        assert job.get().is_success
    later = task.enqueue("b")
    assert [waiting.task_id for waiting in enqueued_jobs()] == [later.task_id]


@pytest.mark.usefixtures("ledger")
def test_jobs_of_jobs_are_immediate_too():
    with immediate_jobs():
        tasks.parent.enqueue(["a"])
        tasks.async_parent.enqueue(["b"])
    assert tasks.calls == ["a", "parent", "b", "parent"]


@pytest.mark.usefixtures("ledger")
def test_a_failing_job_is_retried_at_once_and_recorded():
    with immediate_jobs():
        job = tasks.flaky.enqueue("bad", 0)
    assert (job.get().status, job.get().attempts) == ("failed", 3)


@pytest.mark.usefixtures("ledger")
def test_enqueue_can_raise_what_the_job_did():
    with immediate_jobs(raise_errors=True):
        tasks.flaky.enqueue("good", 3)
        with pytest.raises(ValueError, match="bad failed"):
            tasks.flaky.enqueue("bad", 0)


@pytest.mark.usefixtures("ledger")
def test_scheduled_jobs_wait():
    with immediate_jobs():
        job = tasks.note.using(run_after=timedelta(hours=1)).enqueue("a")
    assert job.get().status == "pending"


@pytest.mark.usefixtures("ledger")
def test_a_change_of_settings_inside_is_followed():
    with immediate_jobs(), override_settings(FLOWRRA={"BACKEND": {"URL": "memory://"}}):
        assert tasks.note.enqueue("a").get().is_success
    tasks.note.enqueue("b")
    assert [job.args for job in enqueued_jobs()] == [("b",)]


@pytest.mark.usefixtures("ledger")
def test_at_commit_jobs_wait_for_it(django_capture_on_commit_callbacks):
    with immediate_jobs(at="commit"):
        with django_capture_on_commit_callbacks(execute=True):
            job = tasks.note.enqueue("a")
            assert tasks.calls == []
        assert job.get().is_success
    assert len(run_jobs()) == 0
    tasks.note.enqueue("b")
    assert len(run_jobs()) == 1


@pytest.mark.usefixtures("ledger")
def test_at_commit_a_job_that_enqueues_commits_at_its_end(django_capture_on_commit_callbacks):
    with immediate_jobs(at="commit"), django_capture_on_commit_callbacks(execute=True):
        tasks.parent.enqueue(["a"])
    assert tasks.calls == ["parent", "a"]


def test_at_commit_real_commits_count(transactional_db):
    with immediate_jobs(at="commit", raise_errors=True):
        with transaction.atomic():
            job = tasks.is_in_transaction.enqueue()
            assert job.get().status == "pending"
        assert job.get().result is False
        assert tasks.note.enqueue("a").get().is_success
        with transaction.atomic():
            tasks.note.enqueue("b")
            transaction.set_rollback(True)
        with pytest.raises(ValueError, match="bad failed"), transaction.atomic():
            tasks.flaky.enqueue("bad", 0)
    assert tasks.calls[0] == "a"
    assert "b" not in tasks.calls


def test_the_inner_of_two_counts(db):
    with immediate_jobs():
        with immediate_jobs(at="commit"):
            tasks.note.enqueue("a")
            assert tasks.calls == []
        tasks.note.enqueue("b")
        assert tasks.calls == ["a", "b"]


def test_a_moment_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="'enqueue' or at 'commit', got 'once'"):
        immediate_jobs(at="once")
    with pytest.raises(ValueError, match="@immediate_jobs"):
        immediate_jobs(test_a_job_has_run_when_enqueue_returns)


@immediate_jobs()
def test_a_function_can_be_decorated(db):
    assert tasks.note.enqueue("a").get().is_success


@pytest.mark.django_db(transaction=True)
@immediate_jobs()
async def test_a_coroutine_function_can_be_decorated():
    job = await tasks.make_group_async.aenqueue("a")
    assert (await job.aget()).result == 1
    await sync_to_async(Group.objects.all().delete)()


def test_enqueueing_on_an_event_loop_says_to_await():
    async def misled():
        tasks.note.enqueue("a")

    with (
        override_settings(FLOWRRA={"BACKEND": {"URL": "memory://"}}),
        immediate_jobs(),
        pytest.raises(FlowrraError, match=r"with aenqueue\(\)"),
    ):
        asyncio.run(misled())


@immediate_jobs()
class TestDecoratedClass(TestCase):
    def setUp(self):
        self.job = tasks.note.enqueue("a")

    def test_jobs_have_run_in_setup_and_in_tests(self):
        assert self.job.get().is_success
        assert tasks.note.enqueue("b").get().is_success

    @immediate_jobs(at="commit")
    def test_a_method_can_be_decorated(self):
        with self.captureOnCommitCallbacks(execute=True):
            job = tasks.note.enqueue("b")
            assert job.get().status == "pending"
        assert job.get().is_success

    async def test_coroutines_are_tests_too(self):
        job = await tasks.make_group_async.aenqueue("a")
        assert (await job.aget()).result == 1


def test_a_decorated_class_leaves_the_mode_behind(transactional_db):
    before = runtime._after_commit
    result = unittest.TestResult()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestDecoratedClass)
    suite.run(result)
    assert (result.testsRun, result.errors, result.failures) == (3, [], [])
    assert runtime._after_commit is before
    tasks.note.enqueue("a")
    assert len(enqueued_jobs()) == 1
