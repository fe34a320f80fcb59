"""What the executors' contract suite has run as coroutines: as `plain_tasks`, name by name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from flowrra_django.context import current_job
from flowrra_django.job import Job
from tests.contracts import plain_tasks


async def echo(value: Any) -> Any:
    return value


async def add(first: int, second: int = 0) -> int:
    return first + second


async def tell(job: Job, value: Any) -> Any:
    return [job.task_id, job.task_name, job.attempts, job.worker, value]


async def fail(message: str) -> None:
    plain_tasks.fail(message)


async def leave(number: int) -> None:
    plain_tasks.leave(number)


async def note(folder: str, label: str) -> None:
    plain_tasks.note(folder, label)


async def fail_times(folder: str, label: str, times: int) -> int:
    return plain_tasks.fail_times(folder, label, times)


async def hold(folder: str, name: str) -> str:
    plain_tasks.note(folder, name)
    Path(folder, f"{name}.began").touch()
    while not plain_tasks.may_end(folder, name):
        await asyncio.sleep(plain_tasks.PAUSE_SECONDS)
    return name


async def facts() -> list[Any]:
    return plain_tasks.facts()


async def speak(folder: str, name: str) -> str:
    plain_tasks.begin_to_speak()
    await hold(folder, name)
    current_job().progress(2, 2)
    current_job().log("end")
    return name


async def chatter(times: int) -> None:
    plain_tasks.chatter(times)


async def speak_and_fail() -> None:
    plain_tasks.speak_and_fail()
