"""The executor of coroutines."""

import asyncio
import inspect
import sys
from dataclasses import fields

import pytest

from flowrra_django.backends.memory import InMemoryBackend
from flowrra_django.brokers.memory import MemoryBroker
from flowrra_django.config import BackendConfig, BrokerConfig, Config, ExecutorConfig
from flowrra_django.executors.io_executor import IOExecutor
from flowrra_django.job import Kind
from flowrra_django.results import TaskResult, TaskStatus
from flowrra_django.runners.base import MAX_TRACEBACK_CHARS
from tests.contracts.executors import ended


def plain():
    pass


def generator():
    yield


async def async_generator():
    yield


async def coroutine():
    pass


# The contract's letter


def test_the_signatures_are_the_contracts():
    parameters = inspect.signature(IOExecutor).parameters
    assert list(parameters)[:2] == ["config", "registry"]
    assert parameters["config"].default is parameters["registry"].default is None
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters.values())[2:])
    signature = inspect.signature(IOExecutor().task)
    assert {name: p.default for name, p in signature.parameters.items()} == {
        "name": None,
        "max_retries": 3,
        "retry_delay": 1.0,
    }


def test_it_serves_the_lane_of_coroutines():
    executor = IOExecutor()
    assert executor.kind is Kind.IO
    assert not executor.is_running


async def test_without_a_config_everything_is_in_memory():
    executor = IOExecutor()
    assert executor.config == Config()
    assert isinstance(executor._stores.backend, InMemoryBackend)
    assert isinstance(executor._stores.broker, MemoryBroker)
    async with executor:
        assert executor.consumer.serving.slots == 100
        executor.task()(coroutine)
        assert (await ended(executor, await executor.submit(coroutine))).is_success


@pytest.mark.parametrize(
    "config",
    [
        None,
        Config(),
        Config(broker=BrokerConfig("memory://")),
        Config(broker=BrokerConfig("memory://shop"), backend=BackendConfig("memory://shop")),
        Config(backend=BackendConfig("memory://")),
    ],
)
def test_memory_is_no_broker(config):
    assert IOExecutor(config).is_broker() is False


def test_what_is_in_another_store_is_a_broker():
    executor = IOExecutor()
    executor.config = Config(broker=BrokerConfig("redis://localhost"))
    assert executor.is_broker() is True


async def test_a_broker_alone_keeps_results_too():
    async with IOExecutor(Config(broker=BrokerConfig("memory://"))) as executor:
        executor.task()(coroutine)
        assert (await ended(executor, await executor.submit(coroutine))).is_success


def test_a_task_is_named_after_its_function_unless_it_has_a_name():
    executor = IOExecutor()
    assert executor.task()(coroutine) is coroutine
    assert executor.task("other")(coroutine) is coroutine
    assert executor.registry.list_tasks() == ["coroutine", "other"]
    task = executor.registry.get("coroutine")
    assert (task.max_retries, task.retry_delay, task.kind) == (3, 1.0, Kind.IO)


@pytest.mark.parametrize(
    "func", [plain, generator, async_generator, lambda: None, print, "x", None]
)
def test_what_is_no_coroutine_function_is_refused(func):
    executor = IOExecutor()
    with pytest.raises(TypeError):
        executor.task()(func)
    assert len(executor.registry) == 0


def test_a_cpu_bound_function_is_refused():
    with pytest.raises(TypeError):
        IOExecutor().task(cpu_bound=True)(plain)


def test_the_parentheses_that_are_missing_are_missed():
    with pytest.raises(TypeError, match=r"@task\(\)"):
        IOExecutor().task(coroutine)


@pytest.mark.parametrize("option", ["max_retries", "retry_delay"])
def test_a_negative_option_is_refused(option):
    with pytest.raises(ValueError, match=f"{option} of task 'coroutine' must be 0 or more, got -1"):
        IOExecutor().task(**{option: -1})(coroutine)


async def test_options_left_open_are_the_configs():
    config = Config(executor=ExecutorConfig(max_retries=1, retry_delay=0.0))
    async with IOExecutor(config) as executor:

        @executor.task(max_retries=None, retry_delay=None)
        async def fail():
            raise ValueError

        assert (await ended(executor, await executor.submit(fail))).retries == 1


# Values


async def test_arguments_and_results_are_the_objects_themselves():
    argument, keyword, result = object(), object(), object()
    seen = []
    async with IOExecutor() as executor:

        @executor.task()
        async def take(*args, **kwargs):
            seen.append((args, kwargs))
            return result

        task_id = await executor.submit(take, argument, self=keyword)
        found = await ended(executor, task_id)
    (((given,), kwargs),) = seen
    assert given is argument
    assert kwargs == {"self": keyword}
    assert found.result is result
    assert found.args[0] is argument
    assert found.kwargs["self"] is keyword


async def test_a_result_that_is_a_coroutine_stays_one():
    inner = coroutine()
    async with IOExecutor() as executor:

        @executor.task()
        async def give():
            return inner

        result = await ended(executor, await executor.submit(give))
    assert (result.status, result.result) == (TaskStatus.SUCCESS, inner)
    await inner


async def test_a_result_is_frozen_and_has_the_fields_of_the_contract():
    promised = [
        "task_id",
        "status",
        "task_name",
        "result",
        "error",
        "submitted_at",
        "started_at",
        "finished_at",
        "retries",
        "args",
        "kwargs",
    ]
    assert [field.name for field in fields(TaskResult)][: len(promised)] == promised
    async with IOExecutor() as executor:
        executor.task()(coroutine)
        result = await ended(executor, await executor.submit(coroutine))
    with pytest.raises(AttributeError):
        result.status = TaskStatus.FAILED


# What tasks may do


class OddError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class VeryOddError(Exception):
    def __str__(self):
        raise SystemExit


class UnnamedError(Exception):
    pass


UnnamedError.__qualname__ = "Un\ud800named"


def deep():
    deep()


async def cancel_self():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


async def cancel_self_and_go_on():
    asyncio.current_task().cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        return
    raise AssertionError


def raising(error):
    async def fail():
        raise error

    return fail


async def recurse():
    deep()


async def call_exit():
    sys.exit("good bye")


HUGE = "x" * 10_000_000
WHAT_FAILS = {
    "CancelledError": (raising(asyncio.CancelledError("mine")), "mine"),
    "itself cancelled": (cancel_self, ""),
    "sys.exit": (call_exit, "good bye"),
    "KeyboardInterrupt": (raising(KeyboardInterrupt("key")), "key"),
    "GeneratorExit": (raising(GeneratorExit("gen")), "gen"),
    "BaseException": (raising(BaseException("base")), "base"),
    "StopIteration": (raising(StopIteration(1)), "coroutine raised StopIteration"),
    "StopAsyncIteration": (raising(StopAsyncIteration("stop")), "stop"),
    "a str() that raises": (raising(OddError()), "<OddError; its str() raised RuntimeError>"),
    "a str() that exits": (raising(VeryOddError()), "<VeryOddError; its str() raised SystemExit>"),
    "recursion": (recurse, "maximum recursion depth exceeded"),
    "a group": (raising(ExceptionGroup("two", [ValueError(1)])), "two (1 sub-exception)"),
    "surrogates": (raising(ValueError("\ud800\0")), "\\ud800\\x00"),
    "a name that no store keeps": (raising(UnnamedError("named")), "named"),
    "a strange SyntaxError": (
        raising(SyntaxError("bad", ("f", 1, "x", "text"))),
        "bad (f, line 1)",
    ),
    "timeout": (raising(TimeoutError("slow")), "slow"),
}


@pytest.mark.parametrize(("func", "message"), WHAT_FAILS.values(), ids=WHAT_FAILS)
async def test_whatever_a_task_raises_its_own_job_fails_and_no_other(func, message):
    async with IOExecutor(Config(executor=ExecutorConfig(io_workers=1))) as executor:
        executor.task("fail", max_retries=1, retry_delay=0)(func)
        executor.task()(coroutine)
        bad, good = await executor.submit(func), await executor.submit(coroutine)
        result = await ended(executor, bad)
        assert (result.status, result.error, result.attempts) == (TaskStatus.FAILED, message, 2)
        assert (await ended(executor, good)).is_success
        for text in (result.error, result.error_type, result.traceback):
            assert text.encode() is not None  # a database takes it


async def test_a_huge_error_is_cut_in_its_middle():
    async with IOExecutor() as executor:
        fail = executor.task("fail", max_retries=0)(raising(ValueError(f"<{HUGE}>")))
        result = await ended(executor, await executor.submit(fail))
    for text in (result.error, result.traceback):
        assert len(text) < MAX_TRACEBACK_CHARS + 100
        assert "characters left out" in text
    assert result.error.startswith("<x")
    assert result.error.endswith("x>")


async def test_a_traceback_begins_with_the_tasks_own_code():
    async with IOExecutor() as executor:

        @executor.task(max_retries=0)
        async def fail():
            try:
                deep_down()
            except ValueError as error:
                raise KeyError("outer") from error

        def deep_down():
            raise ValueError("inner")

        result = await ended(executor, await executor.submit(fail))
    assert "flowrra_django" not in result.traceback
    assert "ValueError: inner" in result.traceback
    assert [line.split()[-1] for line in result.traceback.splitlines() if "File" in line] == [
        "fail",
        "deep_down",
        "fail",
    ]


async def test_wrong_arguments_fail_the_job_and_show_nothing_of_the_runner():
    async with IOExecutor() as executor:
        executor.task(max_retries=0)(coroutine)
        result = await ended(executor, await executor.submit(coroutine, 1))
    assert result.error_type == "builtins.TypeError"
    assert "takes 0 positional arguments but 1 was given" in result.error
    assert result.traceback.count("\n") == 1


async def test_a_task_that_survives_its_own_cancelling_succeeds():
    async with IOExecutor() as executor:
        executor.task(max_retries=0)(cancel_self_and_go_on)
        assert (await ended(executor, await executor.submit(cancel_self_and_go_on))).is_success


async def test_a_task_that_swallows_the_stop_and_ends_soon_has_succeeded():
    executor = IOExecutor()
    begun = asyncio.Event()

    @executor.task()
    async def tidy():
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.02)
            return "tidied"

    await executor.start()
    task_id = await executor.submit(tidy)
    await begun.wait()
    await executor.stop(wait=False)
    assert (await executor.get_result(task_id)).result == "tidied"


# Options of the registry


async def test_a_unique_task_that_is_submitted_again_is_the_first_job():
    executor = IOExecutor()
    count = []

    @executor.registry.task(unique=True)
    async def once(number):
        count.append(number)
        await asyncio.sleep(0.01)

    async with executor:
        ids = [await executor.submit(once, number) for number in (1, 1, 2, 1)]
        assert len(set(ids)) == 2
        await asyncio.gather(*(executor.wait_for_result(task_id, 5) for task_id in ids))
        assert sorted(count) == [1, 2]
        assert await executor.submit(once, 1) not in ids


async def test_a_job_that_waits_too_long_in_memory_is_cancelled_and_who_waits_is_told():
    executor = IOExecutor(Config(executor=ExecutorConfig(io_workers=1)))

    @executor.registry.task()
    async def nap():
        await asyncio.sleep(0.1)

    @executor.registry.task(expires_in=0.03)
    async def hurry():
        pass

    async with executor:
        await executor.submit(nap)
        result = await executor.wait_for_result(await executor.submit(hurry), 5)
        assert (result.status, result.error) == (
            TaskStatus.CANCELLED,
            "Not started within 0.03 s.",
        )
        assert (await executor.wait_for_result(await executor.submit(hurry), 5)).is_success
