"""The admin pages."""

from .overview import OverviewAdmin
from .queues import QueueAdmin
from .task_results import TaskRecordAdmin
from .tasks import TaskAdmin
from .workers import WorkerProcessAdmin

__all__ = ["OverviewAdmin", "QueueAdmin", "TaskAdmin", "TaskRecordAdmin", "WorkerProcessAdmin"]
