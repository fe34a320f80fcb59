"""What signals to a worker, and its death, do to its children."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from .processes import Script, is_running, number_at, parent_of, running_script, wait_for

# A worker that runs the function named in its second argument, and is not impressed by signals.
WORKER = """
    import asyncio, os, signal, sys
    from tests.runners import process_tasks as tasks
    from tests.runners.processes import running

    async def main(folder, name):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, lambda: None)
        async with running() as run:
            print("started", flush=True)
            print(await run(getattr(tasks, name), folder))

    if __name__ == "__main__":
        asyncio.run(main(*sys.argv[1:]))
"""


def kill(script: Script) -> None:
    os.kill(script.pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_leaves_a_running_job_alone(
    tmp_path: Path, number: int
) -> None:
    with running_script(tmp_path, WORKER, "run_until_told") as script:
        child = number_at(tmp_path / "child")
        for _ in range(3):
            script.signal_group(number)
            os.kill(child, number)
            os.kill(parent_of(child), number)
        (tmp_path / "enough").touch()
        assert script.finish() == ("started\nSucceeded(result='enough')\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_the_whole_group_while_the_first_child_starts_do_no_harm(
    tmp_path: Path, number: int
) -> None:
    with running_script(tmp_path, WORKER, "run_until_told") as script:
        script.read_until("started")

        def has_started_in_spite_of_a_signal() -> bool:
            script.signal_group(number)
            return (tmp_path / "child").exists()

        wait_for(has_started_in_spite_of_a_signal)
        (tmp_path / "enough").touch()
        assert script.finish() == ("Succeeded(result='enough')\n", "")


@pytest.mark.parametrize("name", ["run_program_until_killed", "hold_the_gil"])
def test_when_the_worker_is_killed_its_children_end_at_once(tmp_path: Path, name: str) -> None:
    with running_script(tmp_path, WORKER, name) as script:
        pids = [number_at(tmp_path / "child"), parent_of(number_at(tmp_path / "child"))]
        if name == "run_program_until_killed":
            pids.append(number_at(tmp_path / "program"))
        assert all(is_running(pid) for pid in pids)
        kill(script)
        wait_for(lambda: not any(is_running(pid) for pid in pids))


def test_when_the_worker_is_killed_between_jobs_its_idle_child_ends(tmp_path: Path) -> None:
    source = """
        import asyncio, sys
        from tests.runners import process_tasks as tasks
        from tests.runners.processes import running
        from pathlib import Path

        async def main(folder):
            async with running() as run:
                child = await run(tasks.pid)
                tasks.announce(Path(folder, "child"), child.result)
                await asyncio.sleep(600)

        if __name__ == "__main__":
            asyncio.run(main(*sys.argv[1:]))
    """
    with running_script(tmp_path, source) as script:
        child = number_at(tmp_path / "child")
        server = parent_of(child)
        kill(script)
        wait_for(lambda: not is_running(child) and not is_running(server))


def test_a_fork_of_the_worker_that_outlives_it_keeps_no_child_alive(tmp_path: Path) -> None:
    source = """
        import asyncio, os, sys, time, warnings
        from pathlib import Path
        from tests.runners import process_tasks as tasks
        from tests.runners.processes import running

        warnings.simplefilter("ignore")  # that this process has threads: so it is meant

        async def main(folder):
            async with running() as run:
                run.begin(tasks.run_until_killed, folder)
                while not Path(folder, "child").exists():
                    await asyncio.sleep(0.01)
                if os.fork() == 0:
                    time.sleep(600)
                tasks.announce(Path(folder, "forked"), 1)
                await asyncio.sleep(600)

        if __name__ == "__main__":
            asyncio.run(main(*sys.argv[1:]))
    """
    with running_script(tmp_path, source) as script:
        number_at(tmp_path / "forked")
        child = number_at(tmp_path / "child")
        server = parent_of(child)
        kill(script)
        wait_for(lambda: not is_running(child) and not is_running(server))


def test_where_the_kernel_does_not_do_it_a_thread_ends_the_child(tmp_path: Path) -> None:
    source = """
        import os, sys, time
        from multiprocessing.connection import Pipe
        from flowrra_django.runners.shield import end_with_by_thread

        reader, writer = Pipe(duplex=False)
        if os.fork() == 0:
            os.setsid()
            writer.close()
            end_with_by_thread(reader)
            print("watching", flush=True)
            time.sleep(600)
        print(os.waitstatus_to_exitcode(os.wait()[1]) if input() else writer.close())
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    with running_script(tmp_path, source) as script:
        script.read_until("watching")
        assert script.process.communicate("\n", timeout=5)[0] == "None\n-9\n"
