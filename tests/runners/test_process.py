"""What the process runner makes of a job's code."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowrra_django.job import Failed, Succeeded
from flowrra_django.runners.process import ProcessRunner
from flowrra_django.serialization import JsonCodec, ObjectCodec

from . import process_errors as errors, process_tasks as tasks
from .processes import Running, job_of, running, task_of


async def test_a_job_returns_what_its_function_returns(run: Running) -> None:
    assert await run(tasks.add, 2, b=3) == Succeeded(5)


async def test_jobs_run_one_after_another_in_one_other_process(run: Running) -> None:
    first, second = await run(tasks.pid), await run(tasks.pid)
    assert first == second != Succeeded(os.getpid())


async def test_two_slots_run_two_jobs_at_once(tmp_path: Path) -> None:
    async with running(2) as run:
        here, there = await asyncio.gather(
            run(tasks.meet, tmp_path, "here", "there"), run(tasks.meet, tmp_path, "there", "here")
        )
    assert here.result != there.result


async def test_more_jobs_than_slots_wait_for_their_turn(run: Running) -> None:
    outcomes = await asyncio.gather(*(run(tasks.echo, number) for number in range(20)))
    assert outcomes == [Succeeded(number) for number in range(20)]


async def test_arguments_and_result_pass_through_the_codec() -> None:
    codec, moment = JsonCodec(), datetime(2026, 1, 2, tzinfo=UTC)
    async with running(codec=codec) as run:
        job = job_of(tasks.echo, codec=codec, value=moment)
        outcome = await run.runner.run(job, task_of(tasks.echo))
    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.result, str)
    assert codec.decode(outcome.result) == moment


async def test_a_large_argument_and_a_large_result_pass_whole(run: Running) -> None:
    value = os.urandom(50_000_000)
    assert (await run(tasks.echo, value)).result == value


async def test_the_function_is_found_behind_the_object_that_took_its_name(run: Running) -> None:
    func = tasks.wrapped.__wrapped__
    assert await run(func) == Succeeded("the function")


async def test_an_exception_crosses_with_its_message_its_traceback_and_itself(
    run: Running,
) -> None:
    outcome = await run(tasks.raise_that, ValueError("bad luck"))
    assert (outcome.error.type, outcome.error.message) == ("builtins.ValueError", "bad luck")
    assert "in raise_that\n    raise error" in outcome.error.traceback
    assert isinstance(outcome.exception, ValueError)
    assert outcome.exception.args == ("bad luck",)


@pytest.mark.parametrize(
    ("func", "args", "kind"),
    [
        (tasks.exit_with, (0,), "builtins.SystemExit"),
        (tasks.exit_with, ("goodbye",), "builtins.SystemExit"),
        (tasks.interrupt, (), "builtins.KeyboardInterrupt"),
        (tasks.raise_that, (GeneratorExit(),), "builtins.GeneratorExit"),
    ],
)
async def test_an_exception_that_ends_programs_ends_its_own_job_alone(
    run: Running, func: Any, args: Any, kind: str
) -> None:
    before = await run(tasks.pid)
    outcome = await run(func, *args)
    assert isinstance(outcome, Failed)
    assert outcome.error.type == kind
    assert await run(tasks.pid) == before


@pytest.mark.parametrize(
    ("func", "name", "message"),
    [
        (errors.raise_hard_to_rebuild, "HardToRebuildError", "because of rain"),
        (errors.raise_holding_lock, "HoldsLockError", "locked"),
        (errors.raise_exit_holding_lock, "HoldsLockExit", "locked out"),
        (errors.raise_hostile, "HostileError", "hostile"),
        (errors.raise_child_only, "ChildOnlyError", "child only"),
    ],
)
async def test_an_exception_that_cannot_cross_is_told_in_words(
    run: Running, func: Any, name: str, message: str
) -> None:
    before = await run(tasks.pid)
    outcome = await run(func)
    assert outcome.exception is None
    assert outcome.error.type == f"{errors.__name__}.{name}"
    assert outcome.error.message == message
    assert f"in {func.__name__}" in outcome.error.traceback
    assert await run(tasks.pid) == before


async def test_an_argument_that_cannot_be_pickled_fails_its_job_and_is_named(run: Running) -> None:
    before = await run(tasks.pid)
    second = await run(tasks.add, 1, threading.Lock())
    named = await run(tasks.add, 1, b=threading.Lock())
    assert second.error.type == named.error.type == "builtins.TypeError"
    assert second.error.message.startswith("Argument 2 (lock) of tests.runners.process_tasks:add")
    assert named.error.message.startswith("Argument 'b' (lock) of tests.runners.process_tasks:add")
    assert "cannot pickle '_thread.lock' object" in named.error.message
    assert await run(tasks.pid) == before


async def test_an_argument_that_cannot_be_rebuilt_fails_its_job(run: Running) -> None:
    outcome = await run(tasks.echo, errors.ChildOnlyError())
    assert outcome.error.message == (
        "The arguments of tests.runners.process_tasks:echo cannot be unpickled: wrong process"
    )
    assert await run(tasks.add, 1) == Succeeded(1)


async def test_a_result_that_cannot_be_pickled_fails_its_job_and_is_named(run: Running) -> None:
    before = await run(tasks.pid)
    outcome = await run(errors.return_lock)
    assert outcome.error.message.startswith(
        "The result (lock) of tests.runners.process_errors:return_lock cannot be pickled"
    )
    assert await run(tasks.pid) == before


@pytest.mark.parametrize(
    ("func", "reason"),
    [
        (errors.return_child_only, "wrong process"),
        (errors.return_parent_ender, "this was the parent"),
    ],
)
async def test_a_result_that_cannot_be_rebuilt_fails_its_job(
    run: Running, func: Any, reason: str
) -> None:
    before = await run(tasks.pid)
    outcome = await run(func)
    assert outcome.error.message.endswith(f"cannot be unpickled: {reason}")
    assert await run(tasks.pid) == before


async def test_a_result_that_the_codec_refuses_fails_its_job() -> None:
    async with running(codec=JsonCodec()) as run:
        job = job_of(errors.return_lock, codec=JsonCodec())
        outcome = await run.runner.run(job, task_of(errors.return_lock))
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "builtins.TypeError"
    assert outcome.error.message.startswith("result: ")


async def test_a_function_that_the_child_cannot_find_fails_its_job(run: Running) -> None:
    def local() -> None: ...

    outcome = await run(local)
    assert outcome.error.type == "builtins.ImportError"
    assert outcome.error.message.endswith("Define it at the top level of a module.")
    assert await run(tasks.add, 1) == Succeeded(1)


async def test_a_job_that_forks_returns_once_and_its_fork_runs_nothing(run: Running) -> None:
    before = await run(tasks.pid)
    assert await run(tasks.fork_and_return) == before
    assert {(await run(tasks.pid)).result for _ in range(20)} == {before.result}


async def test_a_job_may_leave_a_thread_behind(run: Running) -> None:
    before = await run(tasks.leave_thread_behind)
    assert await run(tasks.pid) == before


async def test_a_job_can_terminate_a_program_that_it_started(run: Running) -> None:
    assert await run(tasks.start_and_terminate_program) == Succeeded(-15)


@pytest.mark.parametrize("initializer", [tasks.initialise, f"{tasks.__name__}.initialise"])
@pytest.mark.parametrize("surround", [tasks.surround, f"{tasks.__name__}.surround"])
async def test_a_child_is_initialised_once_and_each_job_is_surrounded(
    initializer: Any, surround: Any
) -> None:
    async with running(initializer=initializer, surround=surround) as run:
        first, second = await run(tasks.state), await run(tasks.state)
    assert first.result == (["once"], ["in"])
    assert second.result == (["once"], ["in", "out", "in"])


async def test_each_job_has_a_context_of_its_own_a_copy_of_what_the_initializer_left() -> None:
    async with running(initializer=tasks.initialise_place) as run:
        assert [await run(tasks.move) for _ in range(2)] == [Succeeded("at home")] * 2


async def test_what_surrounds_a_job_shares_its_context() -> None:
    async with running(surround=tasks.surround_with_move) as run:
        assert [await run(tasks.move) for _ in range(2)] == [Succeeded("around a job")] * 2
        assert (await run(tasks.state)).result[1] == ["outside"] * 3


async def test_preloaded_modules_are_imported_before_the_fork() -> None:
    async with running(preload=[tasks.__name__]) as run:
        importer, server = await run(tasks.imported_by), await run(tasks.server)
    assert importer == server


@pytest.mark.parametrize("options", [{"initializer": lambda: None}, {"surround": lambda: None}])
def test_what_a_child_cannot_be_given_is_refused_at_once(options: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot be pickled .*\. Pass what is defined"):
        ProcessRunner(1, ObjectCodec(), **options)


def test_a_runner_needs_a_slot() -> None:
    with pytest.raises(ValueError, match="1 slot or more, got 0"):
        ProcessRunner(0, ObjectCodec())
