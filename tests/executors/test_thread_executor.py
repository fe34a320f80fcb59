"""The executor of plain functions, in threads."""

import contextvars
import inspect
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowrra_django.config import BackendConfig, BrokerConfig, Config, ExecutorConfig
from flowrra_django.executors.thread_executor import ThreadExecutor
from flowrra_django.job import Kind
from flowrra_django.results import TaskStatus
from tests.contracts.executors import ended, eventually, status_of

place = contextvars.ContextVar("place", default="outside")


async def coroutine():
    pass


def generator():
    yield


def plain():
    return "plain"


def test_the_signatures_are_the_contracts():
    parameters = inspect.signature(ThreadExecutor).parameters
    assert list(parameters)[:2] == ["config", "registry"]
    assert parameters["config"].default is parameters["registry"].default is None
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters.values())[2:])
    signature = inspect.signature(ThreadExecutor().task)
    assert {name: p.default for name, p in signature.parameters.items()} == {
        "name": None,
        "max_retries": 3,
        "retry_delay": 1.0,
    }


def test_it_serves_the_lane_of_threads_and_has_no_broker_by_default():
    assert ThreadExecutor().kind is Kind.THREAD
    assert not ThreadExecutor().is_broker()


@pytest.mark.parametrize("func", [coroutine, generator, "x"])
def test_what_is_no_plain_function_is_refused(func):
    executor = ThreadExecutor()
    with pytest.raises(TypeError):
        executor.task()(func)
    assert len(executor.registry) == 0


async def test_jobs_run_at_once_on_threads_that_say_whose_they_are():
    meeting = threading.Barrier(3)
    async with ThreadExecutor(Config(executor=ExecutorConfig(thread_workers=3))) as executor:

        @executor.task()
        def meet():
            meeting.wait(5)
            return threading.current_thread()

        ids = [await executor.submit(meet) for _ in range(3)]
        found = {(await ended(executor, task_id)).result for task_id in ids}
    assert len(found) == 3
    assert all(thread.name.startswith("flowrra-job") for thread in found)
    assert threading.current_thread() not in found


async def test_arguments_and_results_are_the_objects_themselves():
    argument, result = object(), object()
    seen = []
    async with ThreadExecutor() as executor:

        @executor.task()
        def take(value):
            seen.append(value)
            return result

        found = await ended(executor, await executor.submit(take, argument))
    assert seen[0] is argument
    assert found.result is result


async def test_each_job_has_a_context_of_its_own():
    async with ThreadExecutor(Config(executor=ExecutorConfig(thread_workers=1))) as executor:

        @executor.task()
        def move():
            before = place.get()
            place.set("inside")
            return before

        ids = [await executor.submit(move) for _ in range(2)]
        assert [(await ended(executor, i)).result for i in ids] == ["outside"] * 2
    assert place.get() == "outside"


def raising(error):
    def fail():
        raise type(error)(*error.args)

    return fail


def call_exit():
    sys.exit("good bye")


WHAT_FAILS = {
    "sys.exit": (call_exit, "good bye"),
    "KeyboardInterrupt": (raising(KeyboardInterrupt("key")), "key"),
    "GeneratorExit": (raising(GeneratorExit("gen")), "gen"),
    "StopIteration": (raising(StopIteration("stop")), "stop"),
    "BaseException": (raising(BaseException("base")), "base"),
}


@pytest.mark.parametrize(("func", "message"), WHAT_FAILS.values(), ids=WHAT_FAILS)
async def test_whatever_a_task_raises_its_own_job_fails_and_no_other(func, message):
    async with ThreadExecutor(Config(executor=ExecutorConfig(thread_workers=1))) as executor:
        executor.task("fail", max_retries=1, retry_delay=0)(func)
        executor.task()(plain)
        bad, good = await executor.submit(func), await executor.submit(plain)
        result = await ended(executor, bad)
        assert (result.status, result.error, result.attempts) == (TaskStatus.FAILED, message, 2)
        assert "flowrra_django" not in result.traceback
        assert (await ended(executor, good)).result == "plain"


async def test_a_coroutine_that_a_plain_function_returns_is_its_result():
    inner = coroutine()
    async with ThreadExecutor() as executor:

        @executor.task()
        def give():
            return inner

        assert (await ended(executor, await executor.submit(give))).result is inner
    await inner


async def test_a_thread_that_cannot_be_stopped_goes_on_and_nobody_listens():
    executor = ThreadExecutor(Config(BrokerConfig("memory://t"), BackendConfig("memory://t")))
    gate, ends = threading.Event(), []

    @executor.task()
    def hold():
        gate.wait(10)
        ends.append(threading.current_thread())

    await executor.start()
    task_id = await executor.submit(hold)
    await eventually(lambda: executor.consumer.running)
    await executor.stop(wait=False)
    assert await status_of(executor, task_id) is TaskStatus.PENDING
    gate.set()
    await eventually(lambda: ends and not ends[0].is_alive())
    assert await status_of(executor, task_id) is TaskStatus.PENDING
    assert (await executor.get_result(task_id)).attempts == 0


async def test_a_job_may_use_threads_of_its_own():
    async with ThreadExecutor() as executor:

        @executor.task()
        def spread():
            with ThreadPoolExecutor(2) as pool:
                return sum(pool.map(abs, [-1, -2]))

        assert (await ended(executor, await executor.submit(spread))).result == 3
