"""Tasks that are tried in a browser."""

import asyncio
import time
from pathlib import Path

from flowrra_django import flowrra_task


@flowrra_task
async def add(a: int, b: int) -> int:
    return a + b


@flowrra_task
async def nap(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "rested"


@flowrra_task
def doze(seconds: float) -> None:
    time.sleep(seconds)


@flowrra_task(max_retries=0)
def need_file(path: str) -> str:
    """Fail until there is such a file, as a job does whose cause somebody has to remove."""
    return Path(path).read_text()


@flowrra_task(max_retries=0)
def fail(message: str) -> None:
    raise ValueError(message)


@flowrra_task(name="<img src=x onerror=document.title='hacked'>", max_retries=0)
def hostile(text: str) -> None:
    raise ValueError(text)


@flowrra_task(max_retries=2, retry_delay=0.1)
def fail_again(message: str) -> None:
    raise LookupError(message)
