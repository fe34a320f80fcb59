"""Tasks that the tests enqueue."""

import asyncio
import os
import signal
import time

from flowrra_django import current_job, flowrra_task
from tests.settings import HAS_PACKAGE, HAS_TASKS
from tests.testapp import django_tasks, receivers  # noqa: F401  (registered with these)

if HAS_TASKS or HAS_PACKAGE:
    import tests.testapp.builtin_tasks
if HAS_PACKAGE:
    import tests.testapp.package_tasks  # noqa: F401


@flowrra_task
async def add(a, b):
    return a + b


@flowrra_task
def double(value):
    return value * 2


@flowrra_task(cpu_bound=True)
def square(value):
    return value * value


@flowrra_task(max_retries=0)
def fail(message):
    raise ValueError(message)


@flowrra_task(max_retries=2, retry_delay=0.01)
async def fail_again(message):
    raise ValueError(message)


@flowrra_task
def login(user, password):
    return user


@flowrra_task
async def tell_time():
    return time.time()


@flowrra_task
async def nap(seconds):
    await asyncio.sleep(seconds)


@flowrra_task
def doze(seconds):
    time.sleep(seconds)


@flowrra_task(cpu_bound=True)
def grind(seconds):
    current_job().log("It grinds.")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@flowrra_task
async def noop():
    pass


@flowrra_task
def noop_thread():
    pass


@flowrra_task(cpu_bound=True)
def noop_cpu():
    pass


def say_no(message):
    raise ValueError(message)


@flowrra_task(max_retries=0)
async def fail_io(message):
    say_no(message)


@flowrra_task(max_retries=0)
def fail_thread(message):
    say_no(message)


@flowrra_task(max_retries=0, cpu_bound=True)
def fail_cpu(message):
    say_no(message)


@flowrra_task(max_crashes=0, cpu_bound=True)
def lose_child(message):
    os.kill(os.getpid(), signal.SIGKILL)


@flowrra_task(unique=True)
def doze_alone(seconds):
    time.sleep(seconds)


@flowrra_task(unique_by=("page",), unique_until="start", on_duplicate="replace")
def index_page(page, text):
    return text


@flowrra_task(unique=True, on_duplicate="raise")
def close_year(year):
    return year


@flowrra_task
def obey():
    """Run until it is cancelled."""
    while not current_job().cancelled:
        time.sleep(0.01)
    return "obeyed"


@flowrra_task
def note_down(path):
    """Leave a line with the job's id, each time that it runs."""
    with open(path, "a") as notes:
        notes.write(f"{current_job().id}\n")
    time.sleep(0.02)
