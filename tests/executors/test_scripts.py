"""Executors in programs of their own: without Django's settings, and when Ctrl-C comes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contracts.plain_tasks import notes_in
from tests.runners.processes import is_running, running_script, wait_for

# What the reference page promises to whoever has no Django settings.
ALONE = """
    import asyncio, sys
    from flowrra_django import (
        BackendConfig, BrokerConfig, Config, ConfigurationError, CPUExecutor, ExecutorConfig,
        ExecutorNotRunningError, FlowrraError, InMemoryBackend, IOExecutor, JobNotFoundError,
        OutcomeRefusedError, TaskNotFoundError, TaskRegistry, TaskResult, TaskStatus,
        TaskTimeoutError, ThreadExecutor, WorkerLostError,
    )
    from flowrra_django.executors.base import BaseTaskExecutor
    from tests.executors import cpu_tasks

    memory = Config(backend=BackendConfig("memory://"), executor=ExecutorConfig(cpu_workers=1))

    async def main():
        io, thread, cpu = IOExecutor(), ThreadExecutor(), CPUExecutor(memory)

        @io.task()
        async def double(number):
            return number * 2

        @thread.task()
        def triple(number):
            return number * 3

        cpu.task()(cpu_tasks.square)
        for executor, func in ((io, double), (thread, triple), (cpu, cpu_tasks.square)):
            async with executor:
                task_id = await executor.submit(func, 7)
                print((await executor.wait_for_result(task_id, timeout=10)).result)
        below = {"django", "asgiref", "channels", "redis"}
        print(sorted(name for name in sys.modules if name.partition(".")[0] in below))

    if __name__ == "__main__":
        asyncio.run(main())
"""

# An executor that runs endless jobs until Ctrl-C comes, and then has them stopped.
INTERRUPTED = """
    import asyncio, os, sys, threading
    from tests.contracts.executors import KINDS, STORES, Bench
    from pathlib import Path

    async def main(folder, kind, wait):
        kind = next(k for k in KINDS if k.name == kind)
        bench = Bench(kind, STORES[0], Path(folder))
        executor = bench.executor(slots=2)
        try:
            await executor.start()
            await bench.begin(executor, "a")
            await bench.begin(executor, "b")
            wait_for = await executor.submit(bench.task(executor, "hold"), folder, "c")
            print("begun", flush=True)
            await executor.wait_for_result(wait_for)
        finally:
            await executor.stop(wait=wait == "wait", timeout=0.3)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            print("stopped", sorted(task.get_name() for task in left), flush=True)
            Path(folder, "end").touch()  # for threads, which cannot be stopped

    if __name__ == "__main__":
        try:
            asyncio.run(main(*sys.argv[1:]))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        print([t for t in threading.enumerate() if not t.name.startswith(("Main", "flowrra-job"))])
"""

# As most people would write it: the context manager waits, for up to 30 s.
PATIENT = """
    import asyncio, sys
    from flowrra_django import BackendConfig, Config, CPUExecutor, IOExecutor
    from tests.executors import cpu_tasks

    async def forever(folder):
        cpu_tasks.announce(folder)
        await asyncio.sleep(600)

    async def main(folder, kind):
        config = Config(backend=BackendConfig("memory://"))
        executor, func = {
            "io": (IOExecutor(config), forever), "cpu": (CPUExecutor(config), cpu_tasks.endless)
        }[kind]
        async with executor:
            executor.task()(func)
            await executor.wait_for_result(await executor.submit(func, folder))

    if __name__ == "__main__":
        asyncio.run(main(*sys.argv[1:]))
"""


def in_session(session: int) -> list[int]:
    """Return the processes that run in a session, and those that children of it made for jobs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and is_running(int(entry.name)):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append(int(entry.name))
    return found


def test_executors_run_without_djangos_settings_and_import_nothing_of_django(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    with running_script(tmp_path, ALONE) as script:
        assert script.finish() == ("14\n21\n49\n[]\n", "")


def test_an_executor_runs_in_a_program_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    source = (
        "import asyncio\n"
        "from flowrra_django import IOExecutor\n"
        "async def main():\n"
        "    async with IOExecutor() as executor:\n"
        "        @executor.task()\n"
        "        async def greet(): return 'hello'\n"
        "        print((await executor.wait_for_result(await executor.submit(greet))).result)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-W", "error", "-c", source]
    run = subprocess.run(command, capture_output=True, check=False, text=True, timeout=20)
    assert (run.stdout, run.stderr) == ("hello\n", "")


@pytest.mark.parametrize("wait", ["wait", "at once"])
@pytest.mark.parametrize("kind", ["io", "thread", "cpu"])
def test_ctrl_c_to_the_whole_group_leaves_nothing_behind(
    tmp_path: Path, kind: str, wait: str
) -> None:
    with running_script(tmp_path, INTERRUPTED, kind, wait) as script:
        script.read_until("begun")
        script.signal_group(signal.SIGINT)
        out, err = script.finish()
        assert out.splitlines() == ["stopped ['flowrra-wait']", "interrupted", "[]"] or (
            out.splitlines() == ["stopped []", "interrupted", "[]"]
        )
        assert "Traceback" not in err
        wait_for(lambda: not in_session(script.pid))


@pytest.mark.parametrize("kind", ["io", "cpu"])
def test_ctrl_c_twice_ends_even_who_waits_patiently(tmp_path: Path, kind: str) -> None:
    with running_script(tmp_path, PATIENT, kind) as script:
        (pid,) = wait_for(lambda: notes_in(tmp_path))
        script.signal_group(signal.SIGINT)
        time.sleep(0.2)
        assert script.process.poll() is None
        script.signal_group(signal.SIGINT)
        asked = time.monotonic()
        _, err = script.finish()
        assert time.monotonic() - asked < 4
        assert err.splitlines()[-1] == "KeyboardInterrupt"
        wait_for(lambda: not is_running(int(pid)))


@pytest.mark.parametrize("kind", ["io", "cpu"])
def test_when_the_program_is_killed_no_process_of_it_lives_on(tmp_path: Path, kind: str) -> None:
    with running_script(tmp_path, PATIENT, kind) as script:
        (pid,) = wait_for(lambda: notes_in(tmp_path))
        script.process.kill()
        wait_for(lambda: not is_running(int(pid)))
        wait_for(lambda: not in_session(script.pid))
