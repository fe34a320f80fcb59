"""Looking at processes, and running scripts as processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from flowrra_django.job import Job, Kind
from flowrra_django.registry import Task
from flowrra_django.runners.process import ProcessRunner
from flowrra_django.serialization import Codec, ObjectCodec, encode_call

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 10


def task_of(func: Callable[..., Any]) -> Task:
    return Task(name=func.__name__, func=func, kind=Kind.CPU)


def job_of(func: Callable[..., Any], *args: Any, codec: Codec | None = None, **kwargs: Any) -> Job:
    raw_args, raw_kwargs = encode_call(codec or ObjectCodec(), args, kwargs)
    return Job(
        task_id="a job", task_name=func.__name__, kind=Kind.CPU, args=raw_args, kwargs=raw_kwargs
    )


def is_running(pid: int) -> bool:
    """A process that has ended and waits to be buried does not run."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def grandchildren() -> list[int]:
    """Return the pids of what fork servers of this process have forked, and still runs."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    parents = {}
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[pid] = parent_of(pid)
    return [
        pid
        for pid, parent in parents.items()
        if parents.get(parent) == os.getpid() and is_running(pid)
    ]


def wait_for(condition: Callable[[], Any]) -> Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return answer


async def wait_for_number(place: Path) -> int:
    """Return the number that a child announces at that place."""
    return await asyncio.to_thread(number_at, place)


def number_at(place: Path) -> int:
    wait_for(place.exists)
    return int(place.read_text())


class Script:
    """A running script, in a process group of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def read_until(self, line: str) -> None:
        assert self.process.stdout
        for read in self.process.stdout:
            if read.strip() == line:
                return
        raise AssertionError(f"{line!r} never came. {self.finish()}")

    def signal_group(self, number: int) -> None:
        os.killpg(self.pid, number)

    def finish(self) -> tuple[str, str]:
        """Wait for its end; return what it wrote to stdout and stderr."""
        return self.process.communicate(timeout=PATIENCE_SECONDS)


@contextmanager
def running_script(
    folder: Path, source: str, *arguments: str, options: tuple[str, ...] = (), cwd: Path = ROOT
) -> Iterator[Script]:
    """Run a script that finds the tests and the package, whatever directory it is started in."""
    file = folder / "script.py"
    file.write_text(textwrap.dedent(source))
    command = [sys.executable, *options, str(file), str(folder), *arguments]
    with started(command, cwd) as script:
        yield script


@contextmanager
def started(command: list[str], cwd: Path = ROOT) -> Iterator[Script]:
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Script(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Running:
    """A runner, and a short way to have it run a function."""

    def __init__(self, runner: ProcessRunner) -> None:
        self.runner = runner

    async def __call__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self.runner.run(job_of(func, *args, **kwargs), task_of(func))

    def begin(self, func: Callable[..., Any], *args: Any) -> asyncio.Task[Any]:
        return asyncio.create_task(self(func, *args))


@asynccontextmanager
async def running(slots: int = 1, **options: Any) -> AsyncIterator[Running]:
    runner = ProcessRunner(slots, options.pop("codec", ObjectCodec()), **options)
    await runner.start()
    try:
        yield Running(runner)
    finally:
        await runner.stop()
