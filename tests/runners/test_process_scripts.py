"""The process runner in programs of all kinds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .processes import (
    ROOT,
    running_script,
    started,
)


def test_a_script_can_run_functions_of_its_own(tmp_path: Path) -> None:
    source = """
        import asyncio, sys
        from flowrra_django.runners.process import ProcessRunner
        from flowrra_django.runners.reference import check_importable
        from flowrra_django.serialization import ObjectCodec
        from tests.runners.processes import running

        class Value:
            pass

        class Trouble(Exception):
            pass

        def give(value):
            print("in the child")
            return value

        def fail():
            raise Trouble("mine")

        async def main():
            check_importable(give)
            async with running() as run:
                print(type((await run(give, Value())).result) is Value)
                failed = await run(fail)
                print(failed.error.type, type(failed.exception) is Trouble)
            print("django" in sys.modules)

        if __name__ == "__main__":
            asyncio.run(main())
    """
    options = ("-X", "dev", "-W", "error")
    with running_script(tmp_path, source, options=options) as script:
        out, err = script.finish()
    assert out == "in the child\nTrue\n__main__.Trouble True\nFalse\n"
    assert err == ""


NO_FILE = """
import asyncio
from flowrra_django.runners.reference import check_importable
from tests.runners.processes import running

def function():
    return 1

async def main():
    try:
        check_importable(function)
    except TypeError as error:
        print(error)
    async with running() as run:
        print((await run(function)).error.type)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["-c", "stdin", "package"])
def test_a_function_of_a_main_program_that_is_no_file_is_refused(tmp_path: Path, how: str) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__main__.py").write_text(NO_FILE)
    arguments = {"-c": ["-c", NO_FILE], "stdin": ["-"], "package": ["-m", "package"]}[how]
    with started([sys.executable, *arguments], cwd=tmp_path) as script:
        out, err = script.process.communicate(NO_FILE if how == "stdin" else "", timeout=10)
    refusal, kind = out.splitlines()
    assert refusal.startswith("function is defined in a main program that is no file")
    assert kind == "builtins.ImportError"
    assert err == ""


def test_what_a_job_prints_is_seen_when_it_is_over(tmp_path: Path) -> None:
    source = """
        import asyncio
        from tests.runners import process_tasks as tasks
        from tests.runners.processes import running

        async def main():
            async with running() as run:
                await run(tasks.greet)
                print("after the job", flush=True)
                await run(tasks.send_self, 9)

        if __name__ == "__main__":
            asyncio.run(main())
    """
    with running_script(tmp_path, source) as script:
        assert script.finish()[0] == "hello from the child\nafter the job\n"


def test_a_module_that_could_not_be_preloaded_is_imported_all_the_same_and_said_once(
    tmp_path: Path,
) -> None:
    (tmp_path / "beside.py").write_text("def answer():\n    return 42\n")
    source = """
        import asyncio, logging
        from tests.runners.processes import running

        async def main():
            import beside  # not at the top, which each child runs
            async with running(2, preload=["beside"]) as run:
                print(await asyncio.gather(*[run(beside.answer) for _ in range(2)]))

        if __name__ == "__main__":
            logging.basicConfig()
            asyncio.run(main())
    """
    with running_script(tmp_path, source, cwd=ROOT) as script:
        out, err = script.finish()
    assert out == "[Succeeded(result=42), Succeeded(result=42)]\n"
    assert err.count("beside could not be preloaded") == 1
    assert "PYTHONPATH" in err


def test_other_users_of_multiprocessing_are_not_touched(tmp_path: Path) -> None:
    source = """
        import asyncio, multiprocessing, time
        from tests.runners import process_tasks as tasks
        from tests.runners.processes import running

        async def main():
            async with running() as run:
                await run(tasks.pid)
                print(multiprocessing.active_children())
                other = multiprocessing.get_context("forkserver").Process(
                    target=time.sleep, args=(600,)
                )
                other.start()
                other.terminate()
                other.join()
                print(other.exitcode)

        if __name__ == "__main__":
            asyncio.run(main())
    """
    with running_script(tmp_path, source) as script:
        assert script.finish() == ("[]\n-15\n", "")
