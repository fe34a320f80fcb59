"""Functions that child processes run in the tests of the process runner."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any

from flowrra_django.context import current_job

IMPORTED_BY = os.getpid()
initialised: list[str] = []
surrounded: list[str] = []
place = ContextVar("place", default="outside")


def add(a: int, b: int = 0) -> int:
    return a + b


def echo(value: Any) -> Any:
    return value


def pid() -> int:
    return os.getpid()


def text(size: int) -> str:
    return "x" * size


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def run_until_killed(folder: str) -> None:
    """Announce the pid in a file, and never end."""
    announce(Path(folder, "child"), os.getpid())
    time.sleep(600)


def hold_the_gil(folder: str) -> None:
    """Spend minutes in one call into C that lets no other thread run."""
    announce(Path(folder, "child"), os.getpid())
    pow(3, 10**8)


def run_program_until_killed(folder: str) -> None:
    program = start_program()
    announce(Path(folder, "program"), program.pid)
    run_until_killed(folder)


def start_and_terminate_program() -> int:
    program = start_program()
    program.terminate()
    return program.wait(5)


def start_program() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def meet(folder: str, mine: str, other: str) -> int:
    """Return when the other one has come, too: both have to run at the same time."""
    announce(Path(folder, mine), os.getpid())
    while not Path(folder, other).exists():
        time.sleep(0.005)
    return os.getpid()


def leave_thread_behind() -> int:
    threading.Thread(target=time.sleep, args=(600,)).start()
    return os.getpid()


def fork_and_return() -> int:
    """Let two processes return from one call."""
    if os.fork():
        os.wait()
    return os.getpid()


def leave_daemon_behind(folder: str) -> None:
    """Leave a fork behind that holds every pipe of its parent open, in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        announce(Path(folder, "daemon"), os.getpid())
        time.sleep(600)


def end_hard(code: int) -> None:
    os._exit(code)


def end_in_c(code: int) -> None:
    ctypes.CDLL(None).exit(code)


def send_self(number: int) -> None:
    os.kill(os.getpid(), number)


def read_null() -> None:
    ctypes.string_at(0)


def raise_that(error: BaseException) -> None:
    raise error


def exit_with(code: int | str) -> None:
    sys.exit(code)


def interrupt() -> None:
    raise KeyboardInterrupt


def greet() -> None:
    print("hello from the child")


def state() -> tuple[list[str], list[str]]:
    return initialised, surrounded


def move() -> str:
    before = place.get()
    place.set("inside a job")
    return before


def imported_by() -> int:
    return IMPORTED_BY


def server() -> int:
    return os.getppid()


def kill_server() -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def initialise() -> None:
    initialised.append("once")


def initialise_place() -> None:
    place.set("at home")


def initialise_in_vain() -> None:
    raise OSError("no disk in drive A")


def initialise_slowly() -> None:
    announce(Path(os.environ["FLOWRRA_TEST_PLACE"], "child"), os.getpid())
    time.sleep(600)


def initialise_in_a_while() -> None:
    time.sleep(1)


@contextmanager
def surround_with_move() -> Any:
    surrounded.append(place.get())
    place.set("around a job")
    yield


@contextmanager
def surround() -> Any:
    surrounded.append("in")
    yield
    surrounded.append("out")


class Holder:
    @staticmethod
    def static(value: int) -> int:
        return value

    def method(self) -> None: ...


class Wrapped:
    """As `@flowrra_task` makes them: an object in the place of its function."""

    def __init__(self, func: Any) -> None:
        self.__wrapped__ = func

    def __call__(self) -> str:
        return "the object"


@Wrapped
def wrapped() -> str:
    return "the function"


def announce(place: Path, number: int) -> None:
    """Write a number to a file that is complete as soon as it is there."""
    half = place.with_suffix(".half")
    half.write_text(str(number))
    half.rename(place)


def send_half_a_result() -> None:
    """Die as a process does that is killed while it writes: after a header and some bytes."""
    frame = sys._getframe()
    while "result_queue" not in frame.f_locals:
        assert frame.f_back
        frame = frame.f_back
    os.write(frame.f_locals["result_queue"]._writer.fileno(), struct.pack("!i", 1000) + b"half")
    os.kill(os.getpid(), signal.SIGKILL)


def run_until_told(folder: str) -> str:
    announce(Path(folder, "child"), os.getpid())
    while not Path(folder, "enough").exists():
        time.sleep(0.01)
    return "enough"


def decorate(func: Any) -> Any:
    @wraps(func)
    def inside() -> str:
        return f"a decorated {func()}"

    return inside


@Wrapped
@decorate
def decorated() -> str:
    return "function"


def tell_and_die():
    current_job().progress(1, 2, "about to die")
    current_job().log("x" * 500)
    os.kill(os.getpid(), signal.SIGKILL)


def tell_and_hold(place):
    current_job().log("begun")
    announce(Path(place), os.getpid())
    time.sleep(60)


def tell_from_a_fork():
    pid = os.fork()
    if pid == 0:
        current_job().log("from the fork")
        os._exit(0)
    os.waitpid(pid, 0)
    current_job().log("from the job")


def close_what_is_open():
    os.closerange(3, 100)
    current_job().progress(1, 2)
    return "ended"


def tell_all_of_it(times):
    for number in range(times):
        current_job().log(f"{number} {'é' * 490}")
    return times


def facts():
    job = current_job()
    return [job.id, job.task_name, job.attempt, job.queue, job.deadline, job.cancelled]
