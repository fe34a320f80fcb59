"""The supervisor, over small programs of Python's own in place of workers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from flowrra_django.worker import supervisor as module
from flowrra_django.worker.supervisor import Supervisor

WORKER = """
import os, pathlib, socket, sys, time
number, handle, folder = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
line = socket.socket(fileno=handle)
def note(what):
    with (folder / "notes").open("a") as notes:
        notes.write(f"{number} {what} {os.getpid()}\\n")
note("began")
"""
READIED = "line.send(b'r')\n"
OBEDIENT = READIED + "note('asked' if line.recv(1) else 'left')\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notes").touch()
    return tmp_path


def notes(folder, *words):
    """Return the (number, pid) of the notes with one of these words."""
    lines = [line.split() for line in (folder / "notes").read_text().splitlines()]
    return [(int(number), int(pid)) for number, what, pid in lines if what in words]


def supervisor_of(folder, code, count=2, **options):
    def command(number, handle):
        return [sys.executable, "-c", WORKER + code, str(number), str(handle), str(folder)]

    return Supervisor(command, count, **{"stop_timeout": 5.0, **options})


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def at_work(supervisor):
    """Give the task of a supervisor's run, and leave no worker behind."""
    run = asyncio.create_task(supervisor.run())
    try:
        yield run
    finally:
        supervisor.ask()
        for member in supervisor._members:
            member.kill()
        await run


async def test_asked_to_end_it_asks_each_worker_once_and_ends_well(folder):
    supervisor = supervisor_of(folder, OBEDIENT, count=3)
    async with at_work(supervisor) as run:
        await until(lambda: len(notes(folder, "began")) == 3)
        supervisor.ask()
        assert await asyncio.wait_for(run, 20) == 0
    assert sorted(number for number, _ in notes(folder, "asked")) == [1, 2, 3]
    assert len(notes(folder, "began")) == 3


async def test_asked_again_it_asks_them_again(folder):
    supervisor = supervisor_of(folder, READIED + "line.recv(1)\nnote('first')\nline.recv(1)")
    async with at_work(supervisor) as run:
        await until(lambda: len(notes(folder, "began")) == 2)
        supervisor.ask()
        await until(lambda: len(notes(folder, "first")) == 2)
        assert not run.done()
        supervisor.ask()
        assert await asyncio.wait_for(run, 20) == 0


async def test_a_worker_that_is_killed_is_replaced_and_the_others_are_left_alone(folder, caplog):
    supervisor = supervisor_of(folder, OBEDIENT)
    async with at_work(supervisor) as run:
        await until(lambda: len(notes(folder, "began")) == 2)
        (first,) = (pid for number, pid in notes(folder, "began") if number == 1)
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(notes(folder, "began")) == 3)
        assert [number for number, _ in notes(folder, "began")] == [1, 2, 1]
        supervisor.ask()
        assert await asyncio.wait_for(run, 20) == 0
    killed = f"Worker 1 (pid {first}) was killed by signal 9 (SIGKILL)."
    assert f"{killed} Another takes its place in 0.5 s." in caplog.messages


async def test_workers_that_die_at_once_are_replaced_more_and_more_slowly(
    folder, caplog, monkeypatch
):
    pauses = []
    monkeypatch.setattr(
        module.Supervisor, "_pause", lambda self, failures: _note(pauses, module.PAUSES, failures)
    )
    supervisor = supervisor_of(folder, READIED + "sys.exit(3)", count=1)
    async with at_work(supervisor):
        await until(lambda: len(pauses) >= 8)
    assert pauses[:8] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert any("ended with exit code 3. Another takes its" in each for each in caplog.messages)


async def _note(pauses, backoff, failures):
    pauses.append(backoff.after(failures))


async def test_a_pause_ends_when_all_are_to_end(folder, monkeypatch):
    monkeypatch.setattr(module, "PAUSES", module.Backoff(base=600, max=600, jitter=0))
    supervisor = supervisor_of(folder, "sys.exit(3)", count=1)
    async with at_work(supervisor) as run:
        await until(lambda: notes(folder, "began") and not supervisor._members)
        supervisor.ask()
        assert await asyncio.wait_for(run, 20) == 0


async def test_settings_that_are_wrong_are_found_by_one_worker_and_end_all(folder, caplog):
    supervisor = supervisor_of(folder, "sys.exit(2)", count=3)
    async with at_work(supervisor) as run:
        assert await asyncio.wait_for(run, 20) == 2
    assert [number for number, _ in notes(folder, "began")] == [1]


async def test_settings_that_went_wrong_since_end_the_workers_that_still_run(folder):
    wrong = "if (folder / 'wrong').exists(): sys.exit(2)\n"
    supervisor = supervisor_of(folder, wrong + OBEDIENT)
    async with at_work(supervisor) as run:
        await until(lambda: len(notes(folder, "began")) == 2)
        (folder / "wrong").touch()
        os.kill(notes(folder, "began")[1][1], signal.SIGKILL)
        assert await asyncio.wait_for(run, 20) == 2
    assert [number for number, _ in notes(folder, "asked")] == [1]


async def test_a_burst_ends_when_each_place_has_ended_well(folder):
    code = READIED + "if number == 2 and not (folder / 'once').exists():\n"
    code += "    (folder / 'once').touch(); sys.exit(1)\n"
    async with at_work(supervisor_of(folder, code, burst=True)) as run:
        assert await asyncio.wait_for(run, 20) == 0
    assert sorted(number for number, _ in notes(folder, "began")) == [1, 2, 2]


async def test_a_worker_that_has_done_its_share_finishes_beside_the_one_that_follows(folder):
    leaves = "if not (folder / 'left').exists():\n    (folder / 'left').touch()\n"
    leaves += "    line.send(b'l')\n    line.recv(1); note('asked'); sys.exit()\n"
    supervisor = supervisor_of(folder, READIED + leaves + OBEDIENT, count=1)
    async with at_work(supervisor) as run:
        await until(lambda: len(notes(folder, "began")) == 2)
        assert len(supervisor._members) == 2
        supervisor.ask()
        assert await asyncio.wait_for(run, 20) == 0
    assert len(notes(folder, "asked")) == 2


async def test_a_worker_that_does_not_end_in_its_time_is_killed_and_the_code_says_so(
    folder, caplog, monkeypatch
):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.2)
    supervisor = supervisor_of(folder, READIED + "time.sleep(600)", count=1, stop_timeout=0.1)
    async with at_work(supervisor) as run:
        await until(lambda: notes(folder, "began"))
        supervisor.ask()
        assert await asyncio.wait_for(run, 20) == 1
    assert any("has not ended in its time, and is killed" in each for each in caplog.messages)


async def test_ctrl_c_reaches_the_supervisor_again_once_all_have_been_started(folder):
    supervisor = supervisor_of(folder, OBEDIENT, count=4)
    async with at_work(supervisor) as run:
        await until(lambda: len(notes(folder, "began")) == 4)
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        supervisor.ask()
        await asyncio.wait_for(run, 20)


async def test_a_system_without_room_for_a_process_is_asked_again(folder, caplog, monkeypatch):
    monkeypatch.setattr(module, "PAUSES", module.Backoff(base=0.01, jitter=0))
    supervisor = supervisor_of(folder, OBEDIENT, count=1)
    program = folder / "python"
    supervisor._command = lambda number, handle: [
        str(program), "-c", WORKER + OBEDIENT, str(number), str(handle), str(folder),
    ]  # fmt: skip
    async with at_work(supervisor) as run:
        await until(lambda: any("could not be started" in each for each in caplog.messages))
        program.symlink_to(sys.executable)
        await until(lambda: notes(folder, "began"))
        supervisor.ask()
        assert await asyncio.wait_for(run, 20) == 0
