"""Background jobs for Django. Public names are resolved on first use; models are never imported."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backends.memory import InMemoryBackend
    from .config import BackendConfig, BrokerConfig, Config, ExecutorConfig
    from .decorators import flowrra_task
    from .exceptions import (
        ConfigurationError,
        ExecutorNotRunningError,
        FlowrraError,
        JobNotFoundError,
        OutcomeRefusedError,
        TaskNotFoundError,
        TaskTimeoutError,
        WorkerLostError,
    )
    from .executors.cpu_executor import CPUExecutor
    from .executors.io_executor import IOExecutor
    from .executors.thread_executor import ThreadExecutor
    from .handle import JobHandle
    from .registry import TaskRegistry
    from .results import TaskResult, TaskStatus

__version__ = "0.1.0"

_HOMES = {
    "InMemoryBackend": "backends.memory",
    "BackendConfig": "config",
    "BrokerConfig": "config",
    "Config": "config",
    "ExecutorConfig": "config",
    "flowrra_task": "decorators",
    "ConfigurationError": "exceptions",
    "ExecutorNotRunningError": "exceptions",
    "FlowrraError": "exceptions",
    "JobNotFoundError": "exceptions",
    "OutcomeRefusedError": "exceptions",
    "TaskNotFoundError": "exceptions",
    "TaskTimeoutError": "exceptions",
    "WorkerLostError": "exceptions",
    "CPUExecutor": "executors.cpu_executor",
    "IOExecutor": "executors.io_executor",
    "ThreadExecutor": "executors.thread_executor",
    "JobHandle": "handle",
    "TaskRegistry": "registry",
    "TaskResult": "results",
    "TaskStatus": "results",
}

__all__ = [
    "BackendConfig",
    "BrokerConfig",
    "CPUExecutor",
    "Config",
    "ConfigurationError",
    "ExecutorConfig",
    "ExecutorNotRunningError",
    "FlowrraError",
    "IOExecutor",
    "InMemoryBackend",
    "JobHandle",
    "JobNotFoundError",
    "OutcomeRefusedError",
    "TaskNotFoundError",
    "TaskRegistry",
    "TaskResult",
    "TaskStatus",
    "TaskTimeoutError",
    "ThreadExecutor",
    "WorkerLostError",
    "flowrra_task",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
