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

    @property
    def id(self) -> str:
        """The same id, under the name that it has in Django's `TaskResult`."""
        return self.task_id

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

    def run_now(self) -> bool:
        """Let the job run at once, and before others of its queue, if it waits; say whether it did.

        A worker has to have room for it, and its queue may not be paused.
        """
        return bool(runtime.get_stores().run_now([self.task_id]))

    async def arun_now(self) -> bool:
        """Do what `run_now` does, from async code."""
        return await sync_to_async(self.run_now)()

    def cancel(self, by: str = "code") -> bool:
        """Cancel the job if it waits; if it runs, have it stopped, as far as that is possible.

        Returns whether it was either. `by` is who asks, for `TaskResult.cancelled_by`.
        """
        return bool(runtime.get_stores().cancel([self.task_id], by=by))

    async def acancel(self, by: str = "code") -> bool:
        """Do what `cancel` does, from async code."""
        return await sync_to_async(self.cancel)(by)
