"""Jobs that were private to an executor whose process is gone."""

from datetime import timedelta

import pytest

from flowrra_django.backends.answers import WorkerInfo
from flowrra_django.config import Config
from flowrra_django.engine.pairs import create_stores
from flowrra_django.engine.presence import Presence
from flowrra_django.engine.wiring import PRIVATE_QUEUE, describe_self
from flowrra_django.job import Kind, Lane
from flowrra_django.results import TaskStatus
from flowrra_django.worker.orphans import Orphans
from tests.contracts.acts import new_job, result_of, status_of

OWNER = "owner"
PRIVATE = f"{PRIVATE_QUEUE}{OWNER}"


@pytest.fixture
def stores():
    return create_stores(Config())


@pytest.fixture
def orphans(stores):
    presence = Presence(stores.backend, describe_self())
    presence.enlist()
    return Orphans(stores, presence)


def enqueue(stores, **options):
    job = new_job(stores.backend, **options)
    stores.broker.push(stores.backend.record([job]))
    return job.task_id


async def test_what_waits_for_an_executor_that_is_gone_fails_and_says_so(stores, orphans, caplog):
    task_id = enqueue(stores, queue=PRIVATE)
    await orphans.look()
    result = result_of(stores.backend, task_id)
    assert (result.status, result.failures) == (TaskStatus.FAILED, 1)
    assert result.error_type.endswith("WorkerLostError")
    assert "went away" in result.error
    assert caplog.messages == ["Failed 1 jobs of an executor whose process is gone."]
    assert stores.broker.depth([Lane(PRIVATE, kind) for kind in Kind], 10) == 0


async def test_what_waits_for_an_executor_that_lives_is_left_to_it(stores, orphans):
    stores.backend.enlist(WorkerInfo(worker_id=OWNER))
    task_id = enqueue(stores, queue=PRIVATE)
    await orphans.look()
    assert status_of(stores.backend, task_id) is TaskStatus.PENDING
    stores.backend.dismiss(OWNER)
    await orphans.look()
    assert status_of(stores.backend, task_id) is TaskStatus.FAILED


async def test_what_waits_for_everybody_is_left_alone(stores, orphans):
    task_id = enqueue(stores)
    await orphans.look()
    assert status_of(stores.backend, task_id) is TaskStatus.PENDING


async def test_a_delayed_job_fails_when_it_is_due(stores, orphans):
    task_id = enqueue(stores, queue=PRIVATE, run_after=timedelta(hours=1))
    await orphans.look()
    assert status_of(stores.backend, task_id) is TaskStatus.PENDING
