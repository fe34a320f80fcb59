"""Background jobs for Django. Public names are resolved on first use; models are never imported."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backends.memory import InMemoryBackend
    from .bulk import (
        cancel_jobs,
        count_jobs,
        delete_jobs,
        purge_queue,
        retry_jobs,
        run_jobs_now,
    )
    from .config import BackendConfig, BrokerConfig, Config, ExecutorConfig
    from .context import CurrentJob, current_job
    from .decorators import flowrra_task
    from .exceptions import (
        AlreadyEnqueued,
        ConfigurationError,
        ExecutorNotRunningError,
        FlowrraError,
        JobCancelledError,
        JobExpiredError,
        JobFailedError,
        JobNotFoundError,
        JobTimeoutError,
        OutcomeRefusedError,
        OutsideJobError,
        TaskNotFoundError,
        TaskTimeoutError,
        WorkerLostError,
    )
    from .executors.cpu_executor import CPUExecutor
    from .executors.io_executor import IOExecutor
    from .executors.thread_executor import ThreadExecutor
    from .handle import JobHandle
    from .policy import Backoff, GiveUp, Retry
    from .queues import pause_queue, paused_queues, resume_queue
    from .registry import TaskRegistry
    from .results import TaskResult, TaskStatus

__version__ = "0.1.0"

_HOMES = {
    "InMemoryBackend": "backends.memory",
    "cancel_jobs": "bulk",
    "count_jobs": "bulk",
    "delete_jobs": "bulk",
    "purge_queue": "bulk",
    "retry_jobs": "bulk",
    "run_jobs_now": "bulk",
    "BackendConfig": "config",
    "BrokerConfig": "config",
    "Config": "config",
    "ExecutorConfig": "config",
    "CurrentJob": "context",
    "current_job": "context",
    "flowrra_task": "decorators",
    "AlreadyEnqueued": "exceptions",
    "ConfigurationError": "exceptions",
    "ExecutorNotRunningError": "exceptions",
    "FlowrraError": "exceptions",
    "JobCancelledError": "exceptions",
    "JobExpiredError": "exceptions",
    "JobFailedError": "exceptions",
    "JobNotFoundError": "exceptions",
    "JobTimeoutError": "exceptions",
    "OutcomeRefusedError": "exceptions",
    "OutsideJobError": "exceptions",
    "TaskNotFoundError": "exceptions",
    "TaskTimeoutError": "exceptions",
    "WorkerLostError": "exceptions",
    "CPUExecutor": "executors.cpu_executor",
    "IOExecutor": "executors.io_executor",
    "ThreadExecutor": "executors.thread_executor",
    "JobHandle": "handle",
    "pause_queue": "queues",
    "paused_queues": "queues",
    "resume_queue": "queues",
    "Backoff": "policy",
    "GiveUp": "policy",
    "Retry": "policy",
    "TaskRegistry": "registry",
    "TaskResult": "results",
    "TaskStatus": "results",
}

__all__ = [
    "AlreadyEnqueued",
    "BackendConfig",
    "Backoff",
    "BrokerConfig",
    "CPUExecutor",
    "Config",
    "ConfigurationError",
    "CurrentJob",
    "ExecutorConfig",
    "ExecutorNotRunningError",
    "FlowrraError",
    "GiveUp",
    "IOExecutor",
    "InMemoryBackend",
    "JobCancelledError",
    "JobExpiredError",
    "JobFailedError",
    "JobHandle",
    "JobNotFoundError",
    "JobTimeoutError",
    "OutcomeRefusedError",
    "OutsideJobError",
    "Retry",
    "TaskNotFoundError",
    "TaskRegistry",
    "TaskResult",
    "TaskStatus",
    "TaskTimeoutError",
    "ThreadExecutor",
    "WorkerLostError",
    "cancel_jobs",
    "count_jobs",
    "current_job",
    "delete_jobs",
    "flowrra_task",
    "pause_queue",
    "paused_queues",
    "purge_queue",
    "resume_queue",
    "retry_jobs",
    "run_jobs_now",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
