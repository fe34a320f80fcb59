"""In Django's own test cases, and what is left of it afterwards."""

from __future__ import annotations

import unittest

from django.contrib.auth.models import Group
from django.test import TestCase, TransactionTestCase

from flowrra_django.models import TaskRecord, WorkerProcess
from flowrra_django.testing import assert_enqueued, enqueued_jobs, run_jobs
from tests.testing import tasks


class Jobs:
    def test_jobs_run(self):
        tasks.make_group.enqueue("a")
        tasks.make_group_async.enqueue("b")
        assert_enqueued(tasks.make_group, args=("a",), count=1)
        assert len(run_jobs(raise_errors=True)) == 2
        assert Group.objects.count() == 2
        assert enqueued_jobs() == []
        tasks.note.enqueue("waits")

    def test_the_table_is_empty_at_the_start(self):
        assert not TaskRecord.objects.exists()


class TestInTestCase(Jobs, TestCase):
    pass


class TestInTransactionTestCase(Jobs, TransactionTestCase):
    pass


def test_the_rollback_of_a_test_case_leaves_nothing(transactional_db):
    result = unittest.TestResult()
    unittest.TestSuite([TestInTestCase("test_jobs_run")]).run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])
    for model in (TaskRecord, WorkerProcess, Group):
        assert not model.objects.exists()
