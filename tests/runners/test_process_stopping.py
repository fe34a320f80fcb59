"""How the process runner stops a job, and itself."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from pathlib import Path

import pytest

from flowrra_django.job import GivenBack, Succeeded
from flowrra_django.runners.process import ProcessRunner
from flowrra_django.serialization import ObjectCodec

from . import process_tasks as tasks
from .processes import (
    Running,
    grandchildren,
    is_running,
    parent_of,
    running,
    wait_for,
    wait_for_number,
)


async def test_when_cancelled_comes_out_the_child_is_gone_with_all_it_started(
    run: Running, tmp_path: Path
) -> None:
    job = run.begin(tasks.run_program_until_killed, tmp_path)
    child = await wait_for_number(tmp_path / "child")
    program = await wait_for_number(tmp_path / "program")
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not is_running(child)
    wait_for(lambda: not is_running(program))
    assert await run(tasks.add, 1) == Succeeded(1)


async def test_a_timeout_stops_a_job_that_holds_the_interpreter(
    run: Running, tmp_path: Path
) -> None:
    await run(tasks.add, 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await run(tasks.hold_the_gil, tmp_path)
    assert not is_running(int((tmp_path / "child").read_text()))


async def test_to_be_cancelled_again_and_again_changes_nothing(
    run: Running, tmp_path: Path
) -> None:
    job = run.begin(tasks.run_until_killed, tmp_path)
    child = await wait_for_number(tmp_path / "child")
    while not job.done():
        job.cancel()
        await asyncio.sleep(0)
    assert job.cancelled()
    assert not is_running(child)


async def test_a_job_cancelled_while_its_child_gets_ready_leaves_no_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWRRA_TEST_PLACE", str(tmp_path))
    async with running(initializer=tasks.initialise_slowly) as run:
        job = run.begin(tasks.add, 1)
        child = await wait_for_number(tmp_path / "child")
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert not is_running(child)


async def test_a_job_cancelled_at_any_moment_of_the_start_leaves_no_child() -> None:
    for step in range(12):
        async with running() as run:
            job = run.begin(tasks.pid)
            for _ in range(step):
                await asyncio.sleep(0.004)
            job.cancel()
            await asyncio.wait([job])
            await asyncio.to_thread(run.runner._threads.submit(int).result)  # all starts are over
            assert grandchildren() == []
            assert isinstance(await run(tasks.pid), Succeeded)


async def test_a_job_cancelled_in_the_queue_disturbs_nobody(run: Running, tmp_path: Path) -> None:
    first = run.begin(tasks.meet, tmp_path, "here", "there")
    await wait_for_number(tmp_path / "here")
    second = run.begin(tasks.add, 1)
    await asyncio.sleep(0)
    second.cancel()
    (tmp_path / "there").touch()
    assert isinstance(await first, Succeeded)
    assert await run(tasks.add, 1) == Succeeded(1)


async def test_stop_gives_back_what_runs_and_what_waits_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    async with running() as run:
        busy, waiting = run.begin(tasks.run_until_killed, tmp_path), run.begin(tasks.add, 1)
        child = await wait_for_number(tmp_path / "child")
        server = parent_of(child)
        await run.runner.stop()
        assert not is_running(child)
        assert not is_running(server)
        assert await busy == GivenBack("The CPU runner stops.", started=True)
        assert await waiting == GivenBack("The CPU runner stops.", started=False)


async def test_stop_ends_a_child_that_a_thread_of_a_job_keeps_alive() -> None:
    async with running() as run:
        child = (await run(tasks.leave_thread_behind)).result
    assert not is_running(child)


async def test_stop_does_not_wait_for_a_daemon_that_a_job_left(tmp_path: Path) -> None:
    async with running() as run:
        await run(tasks.leave_daemon_behind, tmp_path)
        daemon = await wait_for_number(tmp_path / "daemon")
        server = (await run(tasks.server)).result
        async with asyncio.timeout(2):
            await run.runner.stop()
    assert not is_running(server)
    assert is_running(daemon)
    os.kill(daemon, signal.SIGKILL)


async def test_stop_in_the_middle_of_a_start_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWRRA_TEST_PLACE", str(tmp_path))
    async with running(initializer=tasks.initialise_slowly) as run:
        job = run.begin(tasks.add, 1)
        child = await wait_for_number(tmp_path / "child")
        await run.runner.stop()
        assert not is_running(child)
        assert isinstance(await job, GivenBack)


async def test_a_runner_can_be_stopped_and_started_again_and_leaks_nothing() -> None:
    runner = ProcessRunner(2, ObjectCodec())
    run = Running(runner)
    await runner.stop()
    files, threads = set(), set()
    for _ in range(3):
        assert isinstance(await run(tasks.add, 1), GivenBack)
        await runner.start()
        await asyncio.gather(run(tasks.add, 1), run(tasks.end_hard, 1), run(tasks.add, 1))
        await runner.stop()
        await runner.stop()
        gc.collect()  # of what other tests left
        files.add(len(os.listdir("/proc/self/fd")))
        threads.add(threading.active_count())
    assert (len(files), len(threads)) == (1, 1), (files, threads)
    assert asyncio.all_tasks() == {asyncio.current_task()}
