"""Every executor on every store: the contract of the reference page, and beyond it."""

import asyncio
import multiprocessing
import threading
from contextlib import suppress
from datetime import UTC, timedelta

import pytest

from flowrra_django.exceptions import (
    ExecutorNotRunningError,
    JobNotFoundError,
    TaskNotFoundError,
    TaskTimeoutError,
)
from flowrra_django.registry import Task, TaskRegistry
from flowrra_django.results import TaskStatus
from tests.contracts.executors import ended, eventually, status_of
from tests.runners.processes import grandchildren


def threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("flowrra")}


async def waiting_on(executor):
    stores = executor._stores
    return await stores.run(stores.backend.waiting, executor.consumer.serving.lanes, 10)


# Running jobs


async def test_a_function_may_take_its_job(bench):
    async with bench.executor() as executor:
        tell = bench.kind.tasks.tell
        executor.registry.add(Task(name="tell", func=tell, kind=executor.kind, takes_job=True))
        task_id = await executor.submit(tell, "x")
        result = await ended(executor, task_id)
    assert result.result == [task_id, "tell", 1, result.worker, "x"], result.traceback


async def test_a_job_runs_and_its_result_tells_all_of_it(bench):
    async with bench.executor() as executor:
        add = bench.task(executor, "add", max_retries=2)
        task_id = await executor.submit(add, 40, second=2, priority=-3)
        result = await ended(executor, task_id)
    assert (result.task_id, result.task_name) == (task_id, "add")
    assert (result.status, result.result, result.error) == (TaskStatus.SUCCESS, 42, None)
    assert (result.args, dict(result.kwargs)) == ((40,), {"second": 2})
    assert (result.queue, result.priority, result.run_after) == ("default", -3, None)
    assert (result.attempts, result.failures, result.crashes, result.retries) == (1, 0, 0, 0)
    assert (result.error_type, result.traceback) == (None, None)
    assert result.worker
    times = [result.submitted_at, result.started_at, result.finished_at]
    assert times == sorted(times)
    assert all(moment.tzinfo is UTC for moment in times)


async def test_a_job_that_fails_to_the_end_tells_what_was_wrong(bench):
    async with bench.executor() as executor:
        fail = bench.task(executor, "fail", max_retries=2)
        task_id = await executor.submit(fail, "no luck")
        result = await ended(executor, task_id)
    assert (result.status, result.error) == (TaskStatus.FAILED, "no luck")
    assert result.error_type == "builtins.ValueError"
    assert (result.attempts, result.failures, result.crashes, result.retries) == (3, 3, 0, 2)
    assert result.result is None
    lines = result.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: no luck"
    assert "plain_tasks.py" in result.traceback
    assert "flowrra_django" not in result.traceback


async def test_a_job_that_fails_is_run_again_until_it_succeeds(bench):
    async with bench.executor() as executor:
        fail_times = bench.task(executor, "fail_times", max_retries=5)
        task_id = await executor.submit(fail_times, str(bench.folder), "x", 2)
        result = await ended(executor, task_id)
    assert (result.status, result.result, result.error) == (TaskStatus.SUCCESS, 3, None)
    assert (result.attempts, result.failures, result.retries) == (3, 2, 2)
    assert bench.notes == ["x"] * 3


async def test_with_no_retries_a_job_is_run_once(bench):
    async with bench.executor() as executor:
        task_id = await executor.submit(
            bench.task(executor, "fail_times", max_retries=0), str(bench.folder), "x", 9
        )
        result = await ended(executor, task_id)
    assert (result.status, result.attempts, result.retries) == (TaskStatus.FAILED, 1, 0)
    assert bench.notes == ["x"]


async def test_a_job_waits_its_delay_before_it_runs_again(bench):
    async with bench.executor(retry_delay=50) as executor:
        fail_times = bench.task(executor, "fail_times", max_retries=1, retry_delay=0.2)
        task_id = await executor.submit(fail_times, str(bench.folder), "x", 1)
        result = await ended(executor, task_id)
    assert (result.status, result.retries) == (TaskStatus.SUCCESS, 1)
    assert result.started_at - result.submitted_at >= timedelta(seconds=0.19)
    assert result.finished_at - result.submitted_at < timedelta(seconds=5)


async def test_a_job_that_waits_for_its_retry_holds_no_slot(bench):
    async with bench.executor(slots=1) as executor:
        fail_times = bench.task(executor, "fail_times", max_retries=1, retry_delay=60)
        slow = await executor.submit(fail_times, str(bench.folder), "slow", 1)
        await eventually(lambda: bench.notes)
        quick = await executor.submit(bench.task(executor, "add"), 1)
        assert (await ended(executor, quick)).result == 1
        assert await status_of(executor, slow) is TaskStatus.RETRYING
        await executor.stop(wait=False)


async def test_waiting_jobs_run_by_priority_then_first_come_first_served(bench):
    async with bench.executor(slots=1) as executor:
        note = bench.task(executor, "note")
        held = await bench.begin(executor)
        for label, priority in [("e", 5), ("c", 0), ("a", -1), ("d", 0), ("f", 5), ("b", -1)]:
            last = await executor.submit(note, str(bench.folder), label, priority=priority)
            assert await status_of(executor, last) is TaskStatus.PENDING
        assert await status_of(executor, held) is TaskStatus.RUNNING
        bench.let_end()
        await eventually(lambda: len(bench.notes) == 7)
    assert bench.notes == ["held", *"abcdef"]


async def test_a_job_that_runs_again_comes_before_what_came_after_it(bench):
    async with bench.executor(slots=1) as executor:
        fail_times = bench.task(executor, "fail_times", max_retries=1)
        note = bench.task(executor, "note")
        await bench.begin(executor)
        await executor.submit(note, str(bench.folder), "first")
        await executor.submit(fail_times, str(bench.folder), "again", 1)
        await executor.submit(note, str(bench.folder), "last")
        bench.let_end()
        await eventually(lambda: len(bench.notes) == 5)
    assert bench.notes == ["held", "first", "again", "again", "last"]


async def test_as_many_jobs_run_at_once_as_there_are_slots(bench):
    async with bench.executor(slots=2) as executor:
        for name in "ab":
            await bench.begin(executor, name)
        third = await executor.submit(bench.task(executor, "hold"), str(bench.folder), "c")
        assert await status_of(executor, third) is TaskStatus.PENDING
        bench.let_end("a")
        await eventually((bench.folder / "c.began").exists)
        bench.let_end("b")
        bench.let_end("c")
        assert (await ended(executor, third)).is_success


async def test_a_job_that_asks_to_exit_fails_alone(bench):
    async with bench.executor() as executor:
        first = await executor.submit(bench.task(executor, "leave"), 3)
        result = await ended(executor, first)
        assert (result.status, result.error) == (TaskStatus.FAILED, "3")
        assert result.error_type == "builtins.SystemExit"
        second = await executor.submit(bench.task(executor, "add"), 1)
        assert (await ended(executor, second)).result == 1


async def test_a_job_that_takes_too_long_fails_and_leaves_its_slot_to_the_next(bench):
    async with bench.executor(timeout=2.0) as executor:
        task_id = await bench.begin(executor)
        result = await ended(executor, task_id)
        assert (result.status, result.failures) == (TaskStatus.FAILED, 1)
        assert result.error_type == "flowrra_django.exceptions.JobTimeoutError"
        assert "longer than its timeout of 2 s" in result.error
        assert ("was stopped" in result.error) is bench.kind.can_stop_jobs
        after = await executor.submit(bench.task(executor, "echo"), 7)
        assert (await ended(executor, after)).result == 7
        bench.let_end()


async def test_values_come_out_as_they_went_in(bench):
    value = {"text": "ünïcödé \0 \ud800", "list": [1, 2.5, None, True], "tuple": (1,), "int": 2**70}
    async with bench.executor() as executor:
        task_id = await executor.submit(bench.task(executor, "echo"), value)
        result = await ended(executor, task_id)
    assert result.result == value
    assert result.args == (value,)


# What submit refuses


async def test_a_function_that_is_not_registered_is_refused(bench):
    async with bench.executor() as executor:
        with pytest.raises(TaskNotFoundError, match="'add'"):
            await executor.submit(bench.kind.tasks.add, 1)


async def test_nothing_can_be_submitted_before_the_start_or_after_the_stop(bench):
    executor = bench.executor()
    add = bench.task(executor, "add")
    with pytest.raises(ExecutorNotRunningError):
        await executor.submit(add, 1)
    await executor.start()
    await executor.stop()
    with pytest.raises(ExecutorNotRunningError):
        await executor.submit(add, 1)


async def test_code_of_another_kind_is_refused(bench):
    registry = TaskRegistry()
    other = bench.kind.others.add
    registry.task(cpu_bound=bench.kind.name == "thread")(
        bench.kind.tasks.add if bench.kind.name == "thread" else other
    )
    async with bench.executor(registry=registry) as executor:
        func = bench.kind.tasks.add if bench.kind.name == "thread" else other
        with pytest.raises(TypeError, match="Submit it to the executor of its kind"):
            await executor.submit(func, 1)


@pytest.mark.parametrize(
    ("priority", "error"), [("high", TypeError), (1.5, TypeError), (2**31, ValueError)]
)
async def test_a_priority_that_no_store_can_order_by_is_refused(bench, priority, error):
    async with bench.executor() as executor:
        add = bench.task(executor, "add")
        with pytest.raises(error, match="A priority is"):
            await executor.submit(add, 1, priority=priority)
        assert not await waiting_on(executor)


async def test_arguments_that_the_ledger_cannot_carry_are_refused_and_nothing_is_kept(bench):
    if bench.store.keeps_objects:
        pytest.skip("Memory carries everything.")
    async with bench.executor() as executor:
        echo = bench.task(executor, "echo")
        with pytest.raises(TypeError, match=r"args\[0\]"):
            await executor.submit(echo, object())
        assert not await waiting_on(executor)


# A full queue


async def test_submit_waits_while_the_queue_is_full(bench):
    async with bench.executor(slots=1, max_queue_size=1) as executor:
        await bench.begin(executor)
        add = bench.task(executor, "add")
        await executor.submit(add, 1)
        late = asyncio.create_task(executor.submit(add, 2))
        await asyncio.wait([late], timeout=0.1)
        assert not late.done()
        bench.let_end()
        assert (await ended(executor, await late)).result == 2


async def test_who_waits_for_room_is_told_of_the_stop(bench):
    async with bench.executor(slots=1, max_queue_size=1) as executor:
        await bench.begin(executor)
        add = bench.task(executor, "add")
        await executor.submit(add, 1)
        late = asyncio.create_task(executor.submit(add, 2))
        await asyncio.wait([late], timeout=0.05)
        bench.let_end()
        await executor.stop(wait=False)
        with pytest.raises(ExecutorNotRunningError):
            await asyncio.wait_for(late, 5)


# Results


async def test_an_unknown_id_has_no_result_and_cannot_be_waited_for(bench):
    executor = bench.executor()
    for change in (executor.start, executor.stop, executor.stop):
        assert await executor.get_result("nobody") is None
        with pytest.raises(JobNotFoundError):
            await executor.wait_for_result("nobody", timeout=5)
        await change()


async def test_waiting_ends_when_time_runs_out_and_the_job_goes_on(bench):
    async with bench.executor() as executor:
        task_id = await bench.begin(executor)
        with pytest.raises(TaskTimeoutError) as caught:
            await executor.wait_for_result(task_id, timeout=0.02)
        assert isinstance(caught.value, TimeoutError)
        assert (caught.value.task_id, caught.value.timeout) == (task_id, 0.02)
        assert await status_of(executor, task_id) is TaskStatus.RUNNING
        bench.let_end()
        assert (await ended(executor, task_id)).is_success


async def test_all_who_wait_for_one_job_are_woken(bench):
    async with bench.executor() as executor:
        task_id = await bench.begin(executor)
        waits = [asyncio.create_task(ended(executor, task_id)) for _ in range(50)]
        await asyncio.wait(waits, timeout=0.02)
        assert not any(wait.done() for wait in waits)
        bench.let_end()
        results = await asyncio.gather(*waits)
    assert [result.result for result in results] == ["held"] * 50


async def test_results_can_be_read_after_the_stop(bench):
    executor = bench.executor()
    await executor.start()
    task_id = await executor.submit(bench.task(executor, "add"), 1)
    await ended(executor, task_id)
    await executor.stop()
    assert (await executor.get_result(task_id)).result == 1
    assert (await executor.wait_for_result(task_id)).result == 1
    await executor.stop()  # ends what reading has begun


async def test_who_gives_up_waiting_is_let_go_at_once(bench):
    async with bench.executor() as executor:
        task_id = await bench.begin(executor)
        wait = asyncio.create_task(executor.wait_for_result(task_id))
        await asyncio.wait([wait], timeout=0.02)
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await eventually(lambda: not executor._stores.waiters._waiting)
        bench.let_end()


@pytest.mark.parametrize("wait", [True, False])
async def test_a_stop_wakes_who_waits_for_what_will_not_end(bench, wait):
    executor = bench.executor(slots=1)
    await executor.start()
    await bench.begin(executor)
    waiting = await executor.submit(bench.task(executor, "add"), 1)
    waits = [asyncio.create_task(executor.wait_for_result(waiting)) for _ in range(3)]
    await asyncio.wait(waits, timeout=0.02)
    await executor.stop(wait=wait, timeout=0.05)
    for waiter in waits:
        with pytest.raises(ExecutorNotRunningError, match="stopped while the job was waited for"):
            await asyncio.wait_for(waiter, 5)


async def test_who_waits_for_a_job_that_ends_while_the_executor_stops_gets_its_result(bench):
    executor = bench.executor()
    await executor.start()
    task_id = await bench.begin(executor)
    wait = asyncio.create_task(executor.wait_for_result(task_id))
    await asyncio.wait([wait], timeout=0.02)
    stop = asyncio.create_task(executor.stop())
    await asyncio.wait([stop], timeout=0.02)
    bench.let_end()
    await stop
    assert (await wait).result == "held"


# Starting and stopping


async def test_stopping_finishes_what_was_begun(bench):
    executor = bench.executor()
    await executor.start()
    task_id = await bench.begin(executor)
    stop = asyncio.create_task(executor.stop())
    await asyncio.wait([stop], timeout=0.05)
    assert not stop.done()
    bench.let_end()
    await stop
    assert (await executor.get_result(task_id)).result == "held"
    await executor.stop()


async def test_stopping_finishes_all_that_was_submitted_or_leaves_it_to_others(bench):
    executor = bench.executor(slots=1)
    await executor.start()
    await bench.begin(executor)
    fail_times = bench.task(executor, "fail_times", max_retries=3, retry_delay=0.05)
    ids = [await executor.submit(fail_times, str(bench.folder), f"{n}", 1) for n in range(3)]
    stop = asyncio.create_task(executor.stop())
    await asyncio.wait([stop], timeout=0.02)
    bench.let_end()
    await stop
    statuses = [await status_of(executor, task_id) for task_id in ids]
    if bench.store.is_private:
        assert statuses == [TaskStatus.SUCCESS] * 3
    else:
        assert statuses == [TaskStatus.PENDING] * 3
    await executor.stop()


async def test_what_does_not_end_in_time_is_stopped(bench):
    executor = bench.executor()
    await executor.start()
    task_id = await bench.begin(executor)
    started = asyncio.get_running_loop().time()
    await executor.stop(timeout=0.1)
    assert 0.09 < asyncio.get_running_loop().time() - started < 5
    left = TaskStatus.CANCELLED if bench.store.is_private else TaskStatus.PENDING
    assert await status_of(executor, task_id) is left
    await executor.stop()


async def test_without_waiting_what_runs_and_waits_is_stopped(bench):
    executor = bench.executor(slots=1)
    await executor.start()
    running = await bench.begin(executor)
    waiting = await executor.submit(bench.task(executor, "add"), 1)
    await executor.stop(wait=False)
    left = TaskStatus.CANCELLED if bench.store.is_private else TaskStatus.PENDING
    for task_id in (running, waiting):
        assert await status_of(executor, task_id) is left
    await executor.stop()


async def test_what_a_stop_gave_back_is_run_after_the_next_start_at_no_cost(bench):
    if bench.store.is_private:
        pytest.skip("What is private ends with the stop.")
    executor = bench.executor()
    await executor.start()
    task_id = await bench.begin(executor)
    await executor.stop(wait=False)
    bench.let_end()
    await executor.start()
    result = await ended(executor, task_id)
    await executor.stop()
    assert (result.result, result.attempts, result.retries) == ("held", 1, 0)
    assert bench.notes == ["held", "held"]


async def test_a_stop_that_waits_is_hurried_by_one_that_does_not(bench):
    executor = bench.executor()
    await executor.start()
    await bench.begin(executor)
    patient = asyncio.create_task(executor.stop(timeout=None))
    await asyncio.wait([patient], timeout=0.02)
    await asyncio.wait_for(executor.stop(wait=False), 8)
    await asyncio.wait_for(patient, 1)
    assert not executor.is_running


async def test_a_stop_that_is_cancelled_stops_all_the_same(bench):
    executor = bench.executor()
    await executor.start()
    task_id = await bench.begin(executor)
    stop = asyncio.create_task(executor.stop(timeout=None))
    await asyncio.wait([stop], timeout=0.02)
    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    assert not executor.is_running
    assert await status_of(executor, task_id) is not TaskStatus.RUNNING
    await executor.stop()


async def test_starting_and_stopping_can_be_repeated_and_doubled(bench):
    executor = bench.executor()
    add = bench.task(executor, "add")
    await executor.stop()
    for number in range(2):
        assert not executor.is_running
        await asyncio.gather(executor.start(), executor.start())
        assert executor.is_running
        await executor.start()
        assert (await ended(executor, await executor.submit(add, number))).result == number
        await asyncio.gather(executor.stop(), executor.stop())
        await executor.stop()


async def test_a_start_during_a_stop_follows_it(bench):
    executor = bench.executor()
    add = bench.task(executor, "add")
    await executor.start()
    await bench.begin(executor)
    stop = asyncio.create_task(executor.stop())
    await asyncio.wait([stop], timeout=0.02)
    start = asyncio.create_task(executor.start())
    await asyncio.wait([start], timeout=0.02)
    bench.let_end()
    await stop
    await start
    assert (await ended(executor, await executor.submit(add, 1))).result == 1
    await executor.stop()


async def test_nothing_is_left_behind(bench):
    tasks, before = asyncio.all_tasks(), threads()
    executor = bench.executor(slots=2)
    await executor.start()
    fail_times = bench.task(executor, "fail_times", max_retries=1, retry_delay=60)
    await executor.submit(fail_times, str(bench.folder), "x", 1)
    await eventually(lambda: bench.notes)
    await bench.begin(executor)
    wait = asyncio.create_task(executor.wait_for_result("nobody"))
    await executor.stop(wait=False)
    with suppress(JobNotFoundError, ExecutorNotRunningError):
        await wait
    if not bench.kind.can_stop_jobs:
        bench.let_end()
    await eventually(lambda: asyncio.all_tasks() == tasks)
    await eventually(lambda: threads() <= before)
    assert not grandchildren()
    assert not multiprocessing.active_children()
    assert not executor._stores.waiters._waiting
    assert not executor._stores.broker.has_subscribers


async def test_an_error_within_the_context_comes_out_and_the_executor_is_stopped(bench):
    executor = bench.executor()
    with pytest.raises(ZeroDivisionError):
        async with executor as entered:
            assert entered is executor
            task_id = await executor.submit(bench.task(executor, "add"), 1)
            await ended(executor, task_id)
            1 / 0  # noqa: B018
    assert not executor.is_running
    assert (await executor.get_result(task_id)).result == 1
    await executor.stop()


# Several executors


async def test_two_executors_can_share_a_registry_and_stores(bench):
    registry = TaskRegistry()
    one, two = bench.executor(registry=registry), bench.executor(registry=registry)
    async with one, two:
        add = bench.task(one, "add")
        assert two.registry.find(add).name == "add"
        mine, yours = await one.submit(add, 1), await two.submit(add, 2)
        if bench.store.is_private:
            assert await two.get_result(mine) is None
            return
        assert (await ended(two, mine)).result == 1
        assert (await ended(one, yours)).result == 2


async def test_what_one_executor_gives_back_another_runs(bench):
    if bench.store.is_private:
        pytest.skip("What is private ends with the stop.")
    registry = TaskRegistry()
    one, two = bench.executor(registry=registry), bench.executor(registry=registry)
    await one.start()
    task_id = await bench.begin(one)
    async with two:
        await one.stop(wait=False)
        bench.let_end()
        assert (await ended(two, task_id)).result == "held"
