"""The admin pages."""

from .task_results import TaskRecordAdmin
from .workers import WorkerProcessAdmin

__all__ = ["TaskRecordAdmin", "WorkerProcessAdmin"]
