"""What the executors' contract suite has run as coroutines: as `plain_tasks`, name by name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.contracts import plain_tasks


async def echo(value: Any) -> Any:
    return value


async def add(first: int, second: int = 0) -> int:
    return first + second


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
