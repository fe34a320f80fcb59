"""CPU children that are replaced after a number of jobs."""

from __future__ import annotations

import asyncio
import os
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from flowrra_django.job import Crashed, Failed, GivenBack, Succeeded
from flowrra_django.runners import slots
from flowrra_django.runners.limits import run_within

from . import process_tasks as tasks
from .processes import (
    Running,
    grandchildren,
    is_running,
    job_of,
    running,
    task_of,
    wait_for,
    wait_for_number,
)


async def pids(run: Running, count: int) -> list[int]:
    return [(await run(tasks.pid)).result for _ in range(count)]


async def eventually_only(alive: set[int]) -> None:
    await asyncio.to_thread(wait_for, lambda: set(grandchildren()) == alive)


@pytest.mark.parametrize("limit", [1, 3])
async def test_each_child_runs_its_number_of_jobs_and_no_more(limit: int) -> None:
    async with running(max_jobs=limit) as run:
        seen = await pids(run, 4 * limit)
    lives = [seen.count(pid) for pid in dict.fromkeys(seen)]
    assert lives == [limit] * 4


async def test_a_child_without_a_limit_is_kept() -> None:
    async with running() as run:
        assert len(set(await pids(run, 50))) == 1


async def test_what_has_done_its_share_ends_by_itself_and_none_is_left_in_the_end() -> None:
    async with running(max_jobs=2) as run:
        seen = await pids(run, 6)
        await asyncio.to_thread(wait_for, lambda: not any(map(is_running, seen)))
    await eventually_only(set())


async def test_the_next_child_is_up_before_the_last_job_of_the_old_one_ends(
    tmp_path: Path,
) -> None:
    async with running(max_jobs=1) as run:
        meeting = run.begin(tasks.meet, tmp_path, "here", "there")
        old = await wait_for_number(tmp_path / "here")
        await asyncio.to_thread(wait_for, lambda: len(grandchildren()) == 2)
        (ready,) = set(grandchildren()) - {old}
        (tmp_path / "there").touch()
        assert (await meeting).result == old
        assert await pids(run, 1) == [ready]


async def test_one_that_is_far_from_its_limit_has_no_successor_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slots, "LEAD", 2)
    async with running(max_jobs=10) as run:
        await pids(run, 8)
        assert len(grandchildren()) == 1
        await pids(run, 1)
        await asyncio.to_thread(wait_for, lambda: len(grandchildren()) == 2)


async def test_every_job_of_many_at_once_is_run_once() -> None:
    async with running(3, max_jobs=2) as run:
        outcomes = await asyncio.gather(*(run(tasks.echo, number) for number in range(60)))
        assert outcomes == [Succeeded(number) for number in range(60)]


async def test_a_last_job_that_kills_its_child_costs_nobody_else_anything() -> None:
    async with running(max_jobs=2) as run:
        first = await pids(run, 1)
        assert isinstance(await run(tasks.send_self, signal.SIGKILL), Crashed)
        after = await pids(run, 4)
    assert first[0] not in after
    assert [a == b for a, b in pairwise(after)] == [True, False, True]


async def test_a_last_job_that_takes_too_long_is_stopped_and_the_next_one_run(
    tmp_path: Path,
) -> None:
    async with running(max_jobs=1) as run:
        job, task = job_of(tasks.run_until_killed, tmp_path), task_of(tasks.run_until_killed)
        outcome = await run_within(0.5, run.runner, job, task)
        assert isinstance(outcome, Failed)
        assert not is_running(await wait_for_number(tmp_path / "child"))
        assert await run(tasks.add, 1) == Succeeded(1)


async def test_a_successor_that_dies_while_it_waits_is_replaced() -> None:
    async with running(max_jobs=2) as run:
        (old,) = await pids(run, 1)
        await asyncio.to_thread(wait_for, lambda: len(grandchildren()) == 2)
        (ready,) = set(grandchildren()) - {old}
        os.kill(ready, signal.SIGKILL)
        await asyncio.to_thread(wait_for, lambda: not is_running(ready))
        assert await pids(run, 1) == [old]
        assert isinstance(await run(tasks.pid), Succeeded)


async def test_a_thread_that_a_job_left_behind_does_not_keep_its_child() -> None:
    async with running(max_jobs=1) as run:
        old = (await run(tasks.leave_thread_behind)).result
        assert await run(tasks.add, 1) == Succeeded(1)
        await asyncio.to_thread(wait_for, lambda: not is_running(old))


async def test_a_runner_that_stops_leaves_neither_a_child_nor_its_successor(
    tmp_path: Path,
) -> None:
    async with running(max_jobs=1) as run:
        job = run.begin(tasks.run_until_killed, tmp_path)
        await wait_for_number(tmp_path / "child")
        await run.runner.stop()
        assert isinstance(await job, GivenBack)
        assert grandchildren() == []
