"""The executor of CPU-bound functions, in processes."""

import asyncio
import inspect
import os
import threading
from pathlib import Path

import pytest

from flowrra_django.config import BackendConfig, BrokerConfig, Config, ExecutorConfig
from flowrra_django.executors.cpu_executor import CPUExecutor
from flowrra_django.job import Kind
from flowrra_django.results import TaskStatus
from tests.contracts.executors import ended, eventually, status_of
from tests.contracts.plain_tasks import notes_in
from tests.executors import cpu_tasks as tasks
from tests.runners.processes import grandchildren, is_running

MEMORY = BackendConfig("memory://")


def executor_of(slots=1, **options):
    options |= {"cpu_workers": slots}
    return CPUExecutor(Config(backend=MEMORY, executor=ExecutorConfig(**options)))


async def coroutine():
    pass


def generator():
    yield


def local_function():
    def local():
        pass

    return local


# The contract's letter


def test_the_signatures_are_the_contracts():
    parameters = inspect.signature(CPUExecutor).parameters
    assert list(parameters)[:2] == ["config", "registry"]
    assert parameters["config"].default is inspect.Parameter.empty
    assert parameters["registry"].default is None
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters.values())[2:])
    signature = inspect.signature(executor_of().task)
    assert {name: p.default for name, p in signature.parameters.items()} == {
        "name": None,
        "max_retries": 3,
        "retry_delay": 1.0,
    }


def test_it_serves_the_lane_of_processes_and_memory_is_no_broker():
    assert executor_of().kind is Kind.CPU
    assert not executor_of().is_broker()


@pytest.mark.parametrize("config", [None, Config(), Config(broker=BrokerConfig("memory://"))])
def test_it_needs_a_backend(config):
    with pytest.raises(ValueError, match="needs a config with a backend for its results"):
        CPUExecutor(config)


@pytest.mark.parametrize(
    ("func", "words"),
    [
        (coroutine, "must be a plain function, not a coroutine"),
        (generator, "is a generator"),
        (local_function(), "is local to a function, or a lambda"),
        (lambda: None, "is local to a function, or a lambda"),
        ([].append, "bound to an instance|no name to import it by"),
        (None, "must be a function"),
    ],
)
def test_what_no_child_process_could_run_is_refused(func, words):
    executor = executor_of()
    with pytest.raises(TypeError, match=words):
        executor.task()(func)
    assert len(executor.registry) == 0


def test_a_task_is_named_after_its_function_unless_it_has_a_name():
    executor = executor_of()
    assert executor.task()(tasks.echo) is tasks.echo
    executor.task("other", max_retries=0, retry_delay=2)(tasks.square)
    assert executor.registry.list_tasks() == ["echo", "other"]
    task = executor.registry.get("other")
    assert (task.kind, task.max_retries, task.retry_delay) == (Kind.CPU, 0, 2)


async def test_starting_starts_no_process_before_there_is_a_job():
    async with executor_of(4) as executor:
        executor.task()(tasks.pid)
        assert not grandchildren()
        child = (await ended(executor, await executor.submit(tasks.pid))).result
        assert grandchildren() == [child]
    assert not is_running(child)


# Running jobs


async def test_each_slot_is_a_process_of_its_own(tmp_path):
    async with executor_of(2) as executor:
        executor.task()(tasks.meet)
        ids = [await executor.submit(tasks.meet, str(tmp_path)) for _ in range(2)]
        pids = {(await ended(executor, task_id)).result for task_id in ids}
    assert len(pids) == 2
    assert os.getpid() not in pids


async def test_a_process_is_replaced_after_the_configs_number_of_jobs():
    async with executor_of(max_jobs_per_child=2) as executor:
        executor.task()(tasks.pid)
        ids = [await executor.submit(tasks.pid) for _ in range(6)]
        pids = [(await ended(executor, task_id)).result for task_id in ids]
    assert sorted(map(pids.count, set(pids))) == [2, 2, 2]


async def test_arguments_and_results_are_pickled():
    value = {"path": Path("x"), "set": {1, 2}}
    async with executor_of() as executor:
        executor.task()(tasks.echo)
        result = await ended(executor, await executor.submit(tasks.echo, value))
    assert result.result == value
    assert result.result is not value
    assert result.args[0] is value


async def test_a_function_within_a_class_can_be_a_task():
    async with executor_of() as executor:
        executor.task()(tasks.Jobs.inner)
        assert (await ended(executor, await executor.submit(tasks.Jobs.inner, 3))).result == -3


async def test_what_cannot_be_pickled_fails_its_job_and_is_named():
    async with executor_of() as executor:
        for func in (tasks.echo, tasks.give_lock):
            executor.task(max_retries=0)(func)
        result = await ended(executor, await executor.submit(tasks.echo, threading.Lock()))
        assert (result.status, result.error_type) == (TaskStatus.FAILED, "builtins.TypeError")
        assert "Argument 1 (lock)" in result.error
        result = await ended(executor, await executor.submit(tasks.give_lock))
        assert result.status is TaskStatus.FAILED
        assert "The result (lock) of tests.executors.cpu_tasks:give_lock" in result.error


# Children that die


async def test_a_job_whose_child_was_killed_runs_again_and_disturbs_no_other(tmp_path):
    async with executor_of(2) as executor:
        executor.task(max_retries=0)(tasks.die_first)
        executor.task(max_retries=0)(tasks.square)
        ids = [await executor.submit(tasks.square, number) for number in range(20)]
        dying = await executor.submit(tasks.die_first, str(tmp_path))
        ids += [await executor.submit(tasks.square, number) for number in range(20, 40)]
        results = [await ended(executor, task_id) for task_id in ids]
        result = await ended(executor, dying)
    assert [r.result for r in results] == [number**2 for number in range(40)]
    assert all(r.attempts == 1 for r in results)
    assert (result.status, result.attempts, result.crashes) == (TaskStatus.SUCCESS, 2, 1)
    assert (result.failures, result.retries) == (0, 1)
    assert [int(pid) for pid in notes_in(tmp_path)][1] == result.result


async def test_a_job_that_takes_its_child_down_each_time_fails_in_the_end(tmp_path):
    async with executor_of() as executor:
        executor.registry.task(cpu_bound=True, max_retries=5, max_crashes=1)(tasks.die)
        result = await ended(executor, await executor.submit(tasks.die, str(tmp_path)))
    assert (result.status, result.crashes, result.failures) == (TaskStatus.FAILED, 2, 0)
    assert result.error_type == "flowrra_django.exceptions.WorkerLostError"
    assert "ended with exit code 7" in result.error
    assert len(notes_in(tmp_path)) == 2


async def test_an_endless_job_is_killed_by_the_stop(tmp_path):
    executor = executor_of()
    executor.task()(tasks.endless)
    await executor.start()
    task_id = await executor.submit(tasks.endless, str(tmp_path))
    (pid,) = await eventually(lambda: notes_in(tmp_path))
    await executor.stop(timeout=0.01)
    assert not is_running(int(pid))
    assert await status_of(executor, task_id) is TaskStatus.CANCELLED


async def test_a_stop_while_the_first_child_starts_leaves_no_process():
    executor = executor_of(2)
    executor.task()(tasks.pid)
    await executor.start()
    task_id = await executor.submit(tasks.pid)
    await eventually(lambda: executor.consumer.running)
    await asyncio.sleep(0.01)
    await executor.stop(wait=False)
    assert not grandchildren()
    assert (await status_of(executor, task_id)).is_final
