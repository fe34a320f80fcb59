"""What the executors' contract suite has run as plain functions, in threads or processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from flowrra_django.context import current_job
from flowrra_django.job import Job

PAUSE_SECONDS = 0.002


def echo(value: Any) -> Any:
    return value


def add(first: int, second: int = 0) -> int:
    return first + second


def tell(job: Job, value: Any) -> Any:
    return [job.task_id, job.task_name, job.attempts, job.worker, value]


def fail(message: str) -> None:
    raise ValueError(message)


def leave(number: int) -> None:
    raise SystemExit(number)


def note(folder: str, label: str) -> None:
    """Add a line to the folder's notes."""
    with Path(folder, "notes").open("a") as notes:
        notes.write(f"{label}\n")


def fail_times(folder: str, label: str, times: int) -> int:
    """Note each call; fail the first few times, and then return how many calls there were."""
    note(folder, label)
    calls = notes_in(folder).count(label)
    if calls <= times:
        raise ValueError(f"call {calls}")
    return calls


def hold(folder: str, name: str) -> str:
    """Begin, and end when told to: `name`.began is there, then `name`.end or `end` must come."""
    note(folder, name)
    Path(folder, f"{name}.began").touch()
    while not may_end(folder, name):
        time.sleep(PAUSE_SECONDS)
    return name


def may_end(folder: str, name: str) -> bool:
    """Whether a held job has been told to end. So has one whose test is over."""
    here = Path(folder)
    return not here.exists() or (here / f"{name}.end").exists() or (here / "end").exists()


def facts() -> list[Any]:
    job = current_job()
    deadline = job.deadline and job.deadline.isoformat()
    return [job.id, job.task_name, job.attempt, job.queue, deadline, job.cancelled]


def speak(folder: str, name: str) -> str:
    """Tell how far it is, hold, and tell it again as the last thing."""
    begin_to_speak()
    hold(folder, name)
    current_job().progress(2, 2)
    current_job().log("end")
    return name


def begin_to_speak() -> None:
    current_job().progress(1, 2, "so là là")
    current_job().log("begun")


def chatter(times: int) -> None:
    for number in range(times):
        current_job().progress(number + 1, times)
        current_job().log(number)


def speak_and_fail() -> None:
    begin_to_speak()
    raise ValueError("no luck")


def obey(folder: str, name: str) -> str:
    """Hold until told to end, or cancelled."""
    Path(folder, f"{name}.began").touch()
    while not (current_job().cancelled or may_end(folder, name)):
        time.sleep(PAUSE_SECONDS)
    return "obeyed"


def notes_in(folder: str | Path) -> list[str]:
    notes = Path(folder, "notes")
    return notes.read_text().splitlines() if notes.exists() else []
