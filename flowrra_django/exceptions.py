"""Every error this package raises of its own. All derive from `FlowrraError`."""


class FlowrraError(Exception):
    """Base of every error of this package."""


class ConfigurationError(FlowrraError, ValueError):
    """A setting is unknown, mistyped, out of range, or does not fit another one."""


class TaskNotFoundError(FlowrraError, LookupError):
    """No task of that name is registered where it was asked for."""

    def __init__(self, task_name: str) -> None:
        self.task_name = task_name
        super().__init__(
            f"No task named {task_name!r} is registered. "
            "Import its module, or add its app to INSTALLED_APPS."
        )

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.task_name,)


class JobNotFoundError(FlowrraError, LookupError):
    """The ledger has no job with that id: it never did, or the job was deleted."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"No job with id {task_id!r}. It was deleted, or is in another ledger.")

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.task_id,)


class TaskTimeoutError(FlowrraError, TimeoutError):
    """A job did not reach a final state within the time the caller gave it."""

    def __init__(self, task_id: str, timeout: float) -> None:
        self.task_id = task_id
        self.timeout = timeout
        super().__init__(f"Job {task_id!r} did not finish within {timeout:g} s. It goes on.")

    def __reduce__(self) -> tuple[type, tuple[str, float]]:
        return type(self), (self.task_id, self.timeout)


class ExecutorNotRunningError(FlowrraError, RuntimeError):
    """An executor was used before `start()` or after `stop()`."""

    def __init__(self, message: str = "The executor is not running. Call start() first.") -> None:
        super().__init__(message)


class JobTimeoutError(FlowrraError, TimeoutError):
    """A job took longer than its `timeout`; a thread goes on nevertheless, and nobody listens."""

    def __init__(self, timeout: float, *, is_stopped: bool = True) -> None:
        self.timeout = timeout
        self.is_stopped = is_stopped
        end = "was stopped" if is_stopped else "its thread, which cannot be stopped, goes on"
        super().__init__(f"The job took longer than its timeout of {timeout:g} s, and {end}.")

    def __reduce__(self) -> tuple[object, ...]:
        return _job_timeout, (self.timeout, self.is_stopped)


class OutsideJobError(FlowrraError, RuntimeError):
    """`current_job()` was called where no job is known."""

    def __init__(
        self,
        message: str = (
            "No job runs here. Call current_job() from a task, or from what it calls; on a thread "
            "that a task starts by itself, run the code in a contextvars.copy_context()."
        ),
    ) -> None:
        super().__init__(message)


class JobCancelledError(FlowrraError):
    """A job was cancelled before it had succeeded."""


class JobFailedError(FlowrraError):
    """A job failed with an exception that is not in this process; its traceback is in a note."""


class AlreadyEnqueued(FlowrraError):  # noqa: N818 - as its users read it
    """A job of which there is to be one at a time is there already; `task_id` is its id."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"This is enqueued already, as job {task_id}.")

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.task_id,)


class JobExpiredError(JobCancelledError):
    """A job was not started in time."""


class WorkerLostError(FlowrraError):
    """The process that ran a job went away before the job ended."""


class OutcomeRefusedError(FlowrraError):
    """The ledger could not keep what a job produced."""


def _job_timeout(timeout: float, is_stopped: bool) -> JobTimeoutError:
    return JobTimeoutError(timeout, is_stopped=is_stopped)
