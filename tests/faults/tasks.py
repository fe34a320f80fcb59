"""What the harmed workers run. The first argument of each call is the job's key in the journal."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from flowrra_django import flowrra_task

from .apps import WORKER_PID
from .journal import VARIABLE, running

OFTEN = 50  # for jobs that are to outlive any number of kills


GATE_SECONDS = 60.0


def worker_pid() -> int:
    return int(os.environ[WORKER_PID])


def wait_at_gate() -> None:
    """Hold up the thread until the site opens its gate."""
    gate, deadline = Path(os.environ[VARIABLE]).with_name("gate"), time.monotonic() + GATE_SECONDS
    while not gate.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


@flowrra_task(takes_job=True, max_crashes=OFTEN)
async def nap(job, key, seconds):
    with running(job, key, worker_pid()) as run:
        await asyncio.sleep(seconds)
    return run


@flowrra_task(takes_job=True, max_crashes=OFTEN)
def doze(job, key, seconds):
    with running(job, key, worker_pid()) as run:
        time.sleep(seconds)
    return run


@flowrra_task(takes_job=True, cpu_bound=True, max_crashes=OFTEN)
def grind(job, key, seconds):
    with running(job, key, worker_pid()) as run:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
    return run


@flowrra_task(takes_job=True, max_crashes=OFTEN)
def doze_at_gate(job, key, _):
    with running(job, key, worker_pid()) as run:
        wait_at_gate()
    return run


@flowrra_task(takes_job=True, max_crashes=OFTEN)
async def block_at_gate(job, key, _):
    """Hold up the event loop, as no coroutine should."""
    with running(job, key, worker_pid()) as run:
        wait_at_gate()
    return run


@flowrra_task(takes_job=True, max_retries=0, max_crashes=0)
async def nap_once(job, key, seconds):
    with running(job, key, worker_pid()) as run:
        await asyncio.sleep(seconds)
    return run


@flowrra_task(takes_job=True, max_retries=0, max_crashes=0)
def doze_once(job, key, seconds):
    with running(job, key, worker_pid()) as run:
        time.sleep(seconds)
    return run


@flowrra_task(takes_job=True, max_retries=0, max_crashes=0)
async def block_once(job, key, seconds):
    with running(job, key, worker_pid()) as run:
        time.sleep(seconds)
    return run


@flowrra_task(takes_job=True, max_retries=0, timeout=1)
async def nap_briefly(job, key, seconds):
    with running(job, key, worker_pid()) as run:
        await asyncio.sleep(seconds)
    return run


@flowrra_task(takes_job=True, max_retries=0, timeout=1, cpu_bound=True)
def grind_briefly(job, key, seconds):
    with running(job, key, worker_pid()) as run:
        time.sleep(seconds)
    return run


# Those that kill


@flowrra_task(takes_job=True, max_crashes=1)
def kill_worker(job, key, _):
    with running(job, key, worker_pid()):
        os.kill(worker_pid(), signal.SIGKILL)
        time.sleep(60)


@flowrra_task(takes_job=True, max_crashes=1, cpu_bound=True)
def kill_worker_from_child(job, key, _):
    with running(job, key, worker_pid()):
        os.kill(worker_pid(), signal.SIGKILL)
        time.sleep(60)


@flowrra_task(takes_job=True, max_crashes=1)
def exit_worker(job, key, _):
    with running(job, key, worker_pid()):
        os._exit(3)


@flowrra_task(takes_job=True, max_crashes=1, cpu_bound=True)
def kill_fork_server(job, key, _):
    with running(job, key, worker_pid()):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
