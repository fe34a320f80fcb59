"""How the process runner's children start, and what becomes of a job whose child dies."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrra_django.job import Crashed, GivenBack, Succeeded
from flowrra_django.runners import slot
from flowrra_django.runners.process import FREE_ORPHANINGS
from flowrra_django.runners.slot import ORPHANED

from . import process_tasks as tasks
from .processes import (
    Running,
    grandchildren,
    is_running,
    job_of,
    parent_of,
    running,
    task_of,
    wait_for,
    wait_for_number,
)


def wait_until_noticed(run: Running) -> None:
    """Wait until the pool of the one slot knows that its child is dead."""
    (slot,) = run.runner._slots._open
    child = slot._child
    assert child is not None
    wait_for(lambda: child._executor._broken)


@pytest.mark.parametrize(
    ("func", "args", "words"),
    [
        (tasks.end_hard, (3,), "ended with exit code 3."),
        (tasks.end_hard, (255,), "ended with exit code 255."),
        (tasks.end_in_c, (4,), "ended with exit code 4."),
        (tasks.send_self, (signal.SIGKILL,), "was killed by signal 9 (SIGKILL)."),
        (tasks.send_self, (signal.SIGRTMIN + 1,), "was killed by signal 35 (Real-time signal 1)."),
        (tasks.read_null, (), "was killed by signal 11 (SIGSEGV)."),
    ],
)
async def test_a_job_that_takes_its_child_down_is_reported_as_crashed_and_the_child_replaced(
    run: Running, func: Any, args: Any, words: str
) -> None:
    before = await run(tasks.pid)
    outcome = await run(func, *args)
    assert isinstance(outcome, Crashed)
    assert outcome.error.type == "flowrra_django.exceptions.WorkerLostError"
    assert outcome.error.message.startswith(
        f"The process that ran tests.runners.process_tasks:{func.__name__} {words}"
    )
    assert await run(tasks.pid) != before


async def test_a_child_that_dies_takes_no_other_job_with_it(tmp_path: Path) -> None:
    async with running(2) as run:
        meeting = run.begin(tasks.meet, tmp_path, "here", "there")
        await wait_for_number(tmp_path / "here")
        assert isinstance(await run(tasks.end_hard, 1), Crashed)
        assert isinstance(await run(tasks.meet, tmp_path, "there", "here"), Succeeded)
        assert isinstance(await meeting, Succeeded)


async def test_a_child_killed_while_it_sends_its_result_is_reported(run: Running) -> None:
    assert isinstance(await run(tasks.send_half_a_result), Crashed)
    assert await run(tasks.add, 1) == Succeeded(1)


async def test_a_child_that_dies_idle_costs_no_job_anything(run: Running) -> None:
    child = (await run(tasks.pid)).result
    os.kill(child, signal.SIGKILL)
    wait_until_noticed(run)
    assert isinstance(await run(tasks.pid), Succeeded)


async def test_a_job_whose_child_lost_its_fork_server_is_given_back(
    run: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = run.begin(tasks.run_until_killed, tmp_path)
    child = await wait_for_number(tmp_path / "child")
    os.kill(parent_of(child), signal.SIGKILL)
    assert isinstance(await job, GivenBack)
    assert not is_running(child)
    assert isinstance(await run(tasks.pid), Succeeded)
    assert "fork server of the CPU children has died" in caplog.text


async def test_a_job_that_loses_its_fork_server_ever_again_is_held_to_have_crashed(
    run: Running,
) -> None:
    job = job_of(tasks.kill_server)
    for given_back in range(FREE_ORPHANINGS):
        again = replace(job, claim=given_back + 1, attempts=1)
        assert await run.runner.run(again, task_of(tasks.kill_server)) == GivenBack(ORPHANED)
    last = replace(job, claim=FREE_ORPHANINGS + 1, attempts=1)
    outcome = await run.runner.run(last, task_of(tasks.kill_server))
    assert isinstance(outcome, Crashed)
    assert "fork server" in outcome.error.message
    assert isinstance(await run(tasks.pid), Succeeded)


async def test_a_fork_server_that_dies_while_nothing_runs_is_replaced(run: Running) -> None:
    server = (await run(tasks.server)).result
    os.kill(server, signal.SIGKILL)
    wait_until_noticed(run)
    assert (await run(tasks.server)).result != server


async def test_a_fork_server_that_somebody_else_waited_for_is_replaced(run: Running) -> None:
    server = (await run(tasks.server)).result
    os.kill(server, signal.SIGKILL)
    await asyncio.to_thread(os.waitpid, server, 0)
    wait_until_noticed(run)
    assert (await run(tasks.server)).result != server


async def test_a_fork_server_is_deaf_to_sigterm(run: Running) -> None:
    server = (await run(tasks.server)).result
    os.kill(server, signal.SIGTERM)
    await run(tasks.send_self, signal.SIGKILL)
    assert (await run(tasks.server)).result == server


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"initializer": tasks.initialise_in_vain}, "no disk in drive A"),
        ({"initializer": "tests.nowhere"}, "tests:nowhere is not found in a child process"),
        ({"preload": ["tests.runners.no_such_module"]}, "No module named"),
        (
            {"preload": ["tests.runners.bad_preload"]},
            r"EOFError|Connection\w+Error|BrokenPipeError",
        ),
    ],
)
async def test_a_job_for_which_no_child_can_be_had_is_given_back(
    options: Any, words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slot, "START_PAUSES_SECONDS", (0.0, 0.0))
    async with running(**options) as run:
        outcome = await run(tasks.add, 1)
        again = await run(tasks.add, 1)  # and not in what is left of the child
    assert isinstance(again, GivenBack)
    assert isinstance(outcome, GivenBack)
    assert not outcome.started
    assert outcome.delay > 0
    assert outcome.reason.startswith("No CPU child process could be started: ")
    assert re.search(words, outcome.reason)
    assert caplog.text.count("A CPU child process could not be started.") == 4


async def test_a_child_that_does_not_get_ready_is_ended_and_its_job_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWRRA_TEST_PLACE", str(tmp_path))
    monkeypatch.setattr(slot, "START_PAUSES_SECONDS", (0.0,))
    monkeypatch.setattr(slot, "START_SECONDS", 0.5)
    async with running(initializer=tasks.initialise_slowly) as run:
        outcome = await run(tasks.add, 1)
        assert grandchildren() == []
    assert isinstance(outcome, GivenBack)
    assert not outcome.started
    assert outcome.reason.endswith("WorkerLostError: It was not ready within 0.5 s.")


async def test_where_there_is_no_fork_server_children_are_spawned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    async with running(preload=[tasks.__name__]) as run:
        child = (await run(tasks.pid)).result
        assert parent_of(child) == os.getpid()
        outcome = await run(tasks.send_self, signal.SIGKILL)
        assert "was killed by signal 9" in outcome.error.message
        job = run.begin(tasks.run_until_killed, tmp_path)
        child = await wait_for_number(tmp_path / "child")
        os.kill(child, signal.SIGTERM)
        job.cancel()
        await asyncio.wait([job])
        assert not is_running(child)
