"""What a consumer tells of the jobs that it runs."""

import asyncio
from dataclasses import replace

import pytest

from flowrra_django.engine.events import Enqueued, Finished, Started
from flowrra_django.job import Job, Kind
from flowrra_django.results import TaskStatus
from flowrra_django.serialization import ObjectCodec
from tests.engine.rig import Rig


class Notes:
    """Notes what it is told, and what the ledger said of the job at that moment."""

    def __init__(self, rig):
        self.rig = rig
        self.events = []
        self.states = []

    def __call__(self, event):
        self.events.append(event)
        self.states.append(self.rig.status(event.job.task_id))

    @property
    def names(self):
        return [type(event).__name__ for event in self.events]


def told(**options):
    notes = Notes(None)
    rig = notes.rig = Rig(on_event=notes, **options)
    return rig, notes


async def echo(value):
    return value


async def fail(message):
    raise ValueError(message)


async def test_a_job_is_told_of_when_it_starts_and_when_it_is_settled():
    rig, notes = told()
    async with rig:
        task_id = rig.enqueue(rig.task(echo), "x")
        await rig.result(task_id)
    assert notes.names == ["Started", "Finished"]
    assert notes.states == [TaskStatus.RUNNING, TaskStatus.SUCCESS]
    assert {event.job.task_id for event in notes.events} == {task_id}


async def test_what_is_told_is_what_the_ledger_has():
    rig, notes = told()
    async with rig:
        task_id = rig.enqueue(rig.task(echo), "x", priority=3)
        kept = await rig.result(task_id)
    started, finished = (event.as_result(ObjectCodec()) for event in notes.events)
    assert replace(finished, finished_at=kept.finished_at) == kept
    assert abs((finished.finished_at - kept.finished_at).total_seconds()) < 1
    running = replace(kept, status=TaskStatus.RUNNING, result=None, finished_at=None)
    assert started == running


async def test_a_job_that_fails_is_told_of_with_its_exception_and_all_attempts():
    rig, notes = told()
    async with rig:
        task_id = rig.enqueue(rig.task(fail, max_retries=1, retry_delay=0), "no luck")
        kept = await rig.result(task_id)
    assert notes.names == ["Started", "Started", "Finished"]
    finished = notes.events[-1]
    assert isinstance(finished.exception, ValueError)
    result = finished.as_result(ObjectCodec())
    assert (result.status, result.error, result.failures) == (TaskStatus.FAILED, "no luck", 2)
    assert result.history == kept.history
    assert len(result.history) == result.attempts == 2


async def test_a_job_that_is_given_back_is_not_told_of_as_finished():
    rig, notes = told()
    async with rig:
        running = asyncio.Event()

        async def hold():
            running.set()
            await asyncio.Event().wait()

        rig.enqueue(rig.task(hold))
        await running.wait()
    assert notes.names == ["Started"]


async def test_a_job_whose_worker_lost_it_is_not_told_of_as_finished():
    rig, notes = told()
    async with rig:
        running, go = asyncio.Event(), asyncio.Event()

        async def hold():
            running.set()
            await go.wait()

        task_id = rig.enqueue(rig.task(hold))
        await running.wait()
        worker_id = rig.presence.worker_id
        (beat,) = rig.backend.beats()
        rig.stores.rescue(worker_id, beat.at)
        go.set()
        await rig.consumer.drain()
        assert rig.status(task_id) is TaskStatus.RETRYING
    assert notes.names == ["Started"]


async def test_an_outcome_that_the_ledger_refuses_is_told_of_as_what_was_written():
    rig, notes = told()
    async with rig:
        settle = rig.stores.settle

        def refuse(worker_id, items):
            if any(item.result == "unspeakable" for item in items):
                raise ValueError("not that")
            return settle(worker_id, items)

        rig.stores.settle = refuse
        task_id = rig.enqueue(rig.task(echo), "unspeakable")
        kept = await rig.result(task_id)
    assert kept.status is TaskStatus.FAILED
    (finished,) = notes.events[1:]
    assert isinstance(finished, Finished)
    assert finished.as_result(ObjectCodec()).error == kept.error


async def test_who_cannot_hear_of_a_job_changes_nothing(caplog):
    def deaf(event):
        raise RuntimeError("deaf")

    rig = Rig(on_event=deaf)
    async with rig:
        result = await rig.result(rig.enqueue(rig.task(echo), 1))
    assert (result.status, result.result) == (TaskStatus.SUCCESS, 1)
    assert caplog.text.count("RuntimeError: deaf") == 2


@pytest.mark.parametrize("event", [Enqueued, Started])
def test_a_job_that_has_not_ended_has_no_end(event):
    job = Job(task_id="x", task_name="t", kind=Kind.IO, args=[1], kwargs={"a": 2}, meta='{"b":3}')
    result = event(job).as_result(ObjectCodec())
    assert (result.args, dict(result.kwargs), dict(result.meta)) == ((1,), {"a": 2}, {"b": 3})
    assert (result.result, result.error, result.finished_at) == (None, None, None)
    assert (result.submitted_at is not None) is (event is Enqueued)
