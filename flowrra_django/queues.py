"""Pause a queue and let it go on, from Python."""

from __future__ import annotations

from . import runtime


def pause_queue(name: str) -> None:
    """Have no worker start a job of the queue from two seconds on; what runs ends.

    It stays so, whoever is restarted, until `resume_queue`. Jobs can be enqueued all the same.
    """
    runtime.get_stores().backend.pause(name)


def resume_queue(name: str) -> None:
    """Let workers start jobs of the queue again."""
    runtime.get_stores().backend.resume(name)


def paused_queues() -> set[str]:
    """Return the names of the queues that are paused."""
    return runtime.get_stores().backend.paused()
