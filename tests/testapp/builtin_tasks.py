"""Tasks in Django's own way, and what our backend adds to it."""

import os
import time
from pathlib import Path

from flowrra_django import flowrra_task
from flowrra_django.testing.contract_tasks import task


@task(priority=7, queue_name="mail")
def send(address):
    return f"sent to {address}"


@flowrra_task(backend="default", cpu_bound=True, max_retries=2, retry_delay=[0.01, 0.02])
def pid():
    return os.getpid()


@flowrra_task(backend="default", cpu_bound=True, takes_context=True, max_retries=0)
def context_in_child(context, value):
    return [context.task_result.id, context.attempt, context.task_result.worker_ids, value]


@flowrra_task(backend="default", max_retries=2, retry_delay=0.01, takes_context=True)
def fail_twice(context):
    if context.attempt < 3:
        raise LookupError(f"attempt {context.attempt}")
    return [len(context.task_result.errors), context.task_result.started_at.isoformat()]


@flowrra_task(backend="default", max_retries=0)
def interrupt():
    raise KeyboardInterrupt("Ctrl-C")


@flowrra_task(backend="default", max_retries=0)
async def fail_in_coroutine():
    raise ArithmeticError("no luck")


@flowrra_task(backend="default", max_retries=0, cpu_bound=True)
def fail_in_child():
    raise ArithmeticError("no luck")


@flowrra_task(backend="default", max_retries=0)
def hold(path):
    while not Path(path).exists():
        time.sleep(0.005)


@task
def note(path, label):
    with Path(path).open("a") as notes:
        notes.write(f"{label}\n")


@flowrra_task(max_retries=0)
def ours(value):
    return [value]
