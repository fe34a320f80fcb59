"""Tells the receivers of Django's own signals of the jobs that were enqueued through it."""

from __future__ import annotations

from typing import Any

from .. import runtime
from ..engine.events import Enqueued, Event, Started
from ..job import NO_META
from .dialect import Dialect, dialect_of
from .results import result_of


class TasksAudience:
    """The receivers of `django.tasks.signals`, and of the package's."""

    def wants(self, event: Event) -> bool:
        job = event.job
        if job.meta == NO_META or isinstance(event, Enqueued):  # which the backend tells of
            return False
        return job.task_name in runtime.senders and dialect_of(job.noted) is not None

    def hear(self, event: Event) -> None:
        job = event.as_result(runtime.get_codec())
        dialect = dialect_of(job.meta)
        if dialect is None:
            return
        result = result_of(dialect, runtime.senders[event.job.task_name], job)
        signal = dialect.started if isinstance(event, Started) else dialect.finished
        signal.send_robust(sender_of(dialect, result.backend), task_result=result)


def sender_of(dialect: Dialect, alias: str) -> type[Any]:
    return type(dialect.backends[alias])
