"""What the executors' contract suite has run as plain functions, in threads or processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

PAUSE_SECONDS = 0.002


def echo(value: Any) -> Any:
    return value


def add(first: int, second: int = 0) -> int:
    return first + second


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


def notes_in(folder: str | Path) -> list[str]:
    notes = Path(folder, "notes")
    return notes.read_text().splitlines() if notes.exists() else []
