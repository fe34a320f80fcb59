"""Every executor on every store: what a job knows, what it tells, and how it is stopped."""

import asyncio
import time
from datetime import UTC, datetime

from flowrra_django.exceptions import JobCancelledError
from flowrra_django.results import TaskStatus
from tests.contracts.executors import ended, eventually, status_of

CANCELLED = f"{JobCancelledError.__module__}.{JobCancelledError.__qualname__}"
SOON = 5.0  # of a second, on a machine that is busy


async def result_of(executor, task_id):
    return await executor.get_result(task_id)


async def cancel_and_let_end(bench, executor, task_id):
    """Cancel a job that is held; let it end, once its worker knows of that, if it has to itself."""
    assert await executor.cancel(task_id, by="ada")
    if not bench.kind.can_stop_jobs:
        runs = executor.consumer._runs
        await eventually(lambda: any(run.cancelled_by for run in runs.values()))
        bench.let_end()
    return await ended(executor, task_id)


# What it knows


async def test_a_job_knows_what_it_is(bench):
    async with bench.executor() as executor:
        facts = bench.task(executor, "facts")
        task_id = await executor.submit(facts)
        result = await ended(executor, task_id)
    assert result.result == [task_id, "facts", 1, result.queue, None, False]


async def test_a_job_knows_when_it_has_taken_too_long(bench):
    before = datetime.now(UTC)
    async with bench.executor(timeout=600) as executor:
        facts = bench.task(executor, "facts")
        result = await ended(executor, await executor.submit(facts))
    deadline = datetime.fromisoformat(result.result[4])
    assert 590 < (deadline - before).total_seconds() < 620


# What it tells


async def test_what_a_job_tells_can_be_read_while_it_runs_and_its_last_words_in_the_end(bench):
    async with bench.executor() as executor:
        speak = bench.task(executor, "speak")
        task_id = await executor.submit(speak, str(bench.folder), "held")
        await eventually((bench.folder / "held.began").exists)
        deadline = time.monotonic() + SOON
        while not (running := await result_of(executor, task_id)).log:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert running.status is TaskStatus.RUNNING
        assert (running.progress.done, running.progress.total) == (1, 2)
        assert running.progress.message == "so là là"
        bench.let_end()
        result = await ended(executor, task_id)
    assert (result.status, result.progress.done) == (TaskStatus.SUCCESS, 2)
    assert [line.text for line in result.log] == ["begun", "end"]
    assert running.progress.at <= result.progress.at


async def test_a_job_that_fails_leaves_what_it_told_and_its_next_attempt_adds_to_it(bench):
    async with bench.executor() as executor:
        fail = bench.task(executor, "speak_and_fail", max_retries=1)
        result = await ended(executor, await executor.submit(fail))
    assert (result.status, result.progress.done) == (TaskStatus.FAILED, 1)
    assert [(line.attempt, line.text) for line in result.log] == [(1, "begun"), (2, "begun")]


async def test_a_job_that_tells_more_than_is_written_is_not_held_up_and_its_last_words_count(
    bench,
):
    async with bench.executor() as executor:
        backend, writes = executor._stores.backend, []
        report = backend.report
        backend.report = lambda *told: (writes.append(time.monotonic()), report(*told))
        chatter = bench.task(executor, "chatter")
        started = time.monotonic()
        result = await ended(executor, await executor.submit(chatter, 20_000))
        seconds = time.monotonic() - started
    assert (result.status, result.progress.done) == (TaskStatus.SUCCESS, 20_000)
    assert [line.text for line in result.log] == [str(n) for n in range(19_900, 20_000)]
    assert len(writes) <= seconds / 0.5 + 2


# How it is stopped


async def test_a_running_job_is_stopped_soon_where_its_code_can_be(bench):
    async with bench.executor() as executor:
        task_id = await bench.begin(executor)
        asked = time.monotonic()
        assert await executor.cancel(task_id, by="ada")
        if not bench.kind.can_stop_jobs:
            await asyncio.sleep(1)
            assert await status_of(executor, task_id) is TaskStatus.RUNNING
            bench.let_end()
        result = await ended(executor, task_id)
    assert time.monotonic() - asked < SOON
    assert (result.status, result.cancelled_by) == (TaskStatus.CANCELLED, "ada")
    assert result.was_stopped is bench.kind.can_stop_jobs
    assert result.error_type == CANCELLED
    if bench.kind.can_stop_jobs:
        assert result.error == "Cancelled by ada; its code was stopped."
        assert result.result is None
    else:
        assert result.error.endswith("its code, which cannot be stopped, ran to its end.")
        assert result.result == "held"


async def test_a_cancelled_job_is_not_run_again_and_its_neighbours_are_not_stopped(bench):
    async with bench.executor(2) as executor:
        hold = bench.task(executor, "hold", max_retries=3)
        other = await executor.submit(hold, str(bench.folder), "other")
        task_id = await executor.submit(hold, str(bench.folder), "held")
        await eventually((bench.folder / "held.began").exists)
        await eventually((bench.folder / "other.began").exists)
        result = await cancel_and_let_end(bench, executor, task_id)
        assert await status_of(executor, other) is TaskStatus.RUNNING
        bench.let_end("other")
        assert (await ended(executor, other)).status is TaskStatus.SUCCESS
    assert (result.status, result.attempts) == (TaskStatus.CANCELLED, 1)
    assert bench.notes.count("held") == 1


async def test_a_slot_of_a_cancelled_job_takes_the_next_one(bench):
    async with bench.executor() as executor:
        echo = bench.task(executor, "echo")
        task_id = await bench.begin(executor)
        await cancel_and_let_end(bench, executor, task_id)
        assert (await ended(executor, await executor.submit(echo, 7))).result == 7


async def test_a_job_that_was_cancelled_can_be_retried(bench):
    async with bench.executor() as executor:
        task_id = await bench.begin(executor)
        await cancel_and_let_end(bench, executor, task_id)
        bench.let_end()
        stores = executor._stores
        await stores.run(stores.retry, [task_id])
        result = await ended(executor, task_id)
    assert (result.status, result.cancelled_by, result.was_stopped) == ("success", None, None)


async def test_a_job_that_ended_before_it_was_cancelled_has_ended(bench):
    async with bench.executor() as executor:
        echo = bench.task(executor, "echo")
        task_id = await executor.submit(echo, 1)
        await ended(executor, task_id)
        assert not await executor.cancel(task_id)
        assert await status_of(executor, task_id) is TaskStatus.SUCCESS


async def test_a_thread_that_asks_ends_when_it_is_cancelled(bench):
    if bench.kind.name != "thread":
        return
    async with bench.executor() as executor:
        obey = bench.task(executor, "obey")
        task_id = await executor.submit(obey, str(bench.folder), "held")
        await eventually((bench.folder / "held.began").exists)
        asked = time.monotonic()
        assert await executor.cancel(task_id, by="ada")
        result = await ended(executor, task_id)
    assert time.monotonic() - asked < SOON
    assert (result.status, result.was_stopped) == (TaskStatus.CANCELLED, True)
    assert result.error == "Cancelled by ada; its code ended when it saw that."
    assert result.result == "obeyed"
