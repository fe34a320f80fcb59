"""A job one has enqueued: ask for it, wait for it, cancel it."""

from __future__ import annotations

from dataclasses import dataclass

from asgiref.sync import sync_to_async

from . import runtime
from .exceptions import FlowrraError
from .results import TaskResult


@dataclass(frozen=True, slots=True)
class JobHandle:
    """Names a job by its id. Each `get` and `wait` returns a fresh `TaskResult`."""

    task_id: str

    def get(self) -> TaskResult:
        """Return the job as it stands; JobNotFoundError if it was deleted."""
        return runtime.get_stores().result(self.task_id)

    async def aget(self) -> TaskResult:
        """Do what `get` does, from async code."""
        return await sync_to_async(self.get)()

    def wait(self, timeout: float | None = None) -> TaskResult:
        """Return the job once it is final; TaskTimeoutError after `timeout` seconds.

        Raises FlowrraError at once inside a transaction, which would hide the job's end from this
        code, and the job itself from the worker.
        """
        if runtime.in_transaction():
            raise FlowrraError(
                "wait() inside a transaction would never end: the worker cannot see the job before "
                "the commit. Wait after the atomic block."
            )
        return runtime.get_stores().wait_blocking(self.task_id, timeout)

    async def await_(self, timeout: float | None = None) -> TaskResult:
        """Do what `wait` does, from async code, and without a thread for each that waits."""
        return await runtime.get_stores().wait(self.task_id, timeout)

    def cancel(self) -> bool:
        """Cancel the job if it waits; if it runs, it is cancelled instead of run again.

        Returns whether it was either.
        """
        return bool(runtime.get_stores().cancel([self.task_id]))

    async def acancel(self) -> bool:
        """Do what `cancel` does, from async code."""
        return await sync_to_async(self.cancel)()
