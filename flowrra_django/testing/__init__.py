"""For a site's own tests: run jobs in the test's process and on its connection, and look at them.

Jobs are recorded, claimed, run and settled by what does it in production; what differs:

* Inside `TestCase` the job is a part of the test's transaction. A task that leaves its part broken
  loses what it wrote. One that catches a database error outside of `transaction.atomic()` finds
  its transaction broken, as any code does there; `TransactionTestCase` shows what production does.
* What a task gives to `transaction.on_commit` there is called when the job's code has ended.
* CPU-bound functions run in this process, and coroutines one at a time.
"""

from typing import TYPE_CHECKING, Any

from .asserting import assert_enqueued, clear_jobs, enqueued_jobs
from .fixture import FlowrraJobs
from .immediate import immediate_jobs
from .running import run_jobs

if TYPE_CHECKING:
    from .task_contract import TaskBackendContract

__all__ = [
    "FlowrraJobs",
    "TaskBackendContract",
    "assert_enqueued",
    "clear_jobs",
    "enqueued_jobs",
    "immediate_jobs",
    "run_jobs",
]


def __getattr__(name: str) -> Any:
    if name != "TaskBackendContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .task_contract import TaskBackendContract  # noqa: PLC0415 - needs Django 6 or an extra

    return TaskBackendContract
