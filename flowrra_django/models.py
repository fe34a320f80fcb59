"""The tables. `TaskRecord` is the single description of the ledger's table, also for raw SQL."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.checks import CheckMessage
from django.db import models
from django.db.models import Q

from .indexes import PartialIndex, PartialUnique
from .job import DEFAULT_MAX_CRASHES, DEFAULT_QUEUE, NO_HISTORY, Kind
from .moments import MomentField
from .results import TaskStatus

MET = {"models.W036", "models.W037"}
WAITING_STATUSES = ("pending", "retrying")


class TaskRecord(models.Model):
    """One job. Written by the engine, read by people; the primary key is the order of arrival.

    `args`, `kwargs` and `result` are JSON text in the form of `serialization.JsonCodec`;
    `history` holds the last hundred attempts that went wrong, `log` the last hundred lines that the
    job's code left. `due_at` is set while, and only while, a waiting job is delayed;
    `unique_key` until the job has started or ended.
    """

    task_id = models.CharField("id", max_length=64, unique=True)
    task_name = models.CharField("task", max_length=255)
    queue = models.CharField(max_length=100, default=DEFAULT_QUEUE)
    kind = models.CharField(max_length=10, choices=[(k.value, k.value) for k in Kind])
    priority = models.IntegerField(default=0)
    status = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in TaskStatus], default="pending"
    )
    error_type = models.CharField(max_length=255, blank=True, default="")

    submitted_at = MomentField("submitted")
    run_after = MomentField(null=True, blank=True)
    due_at = MomentField(null=True, blank=True)
    started_at = MomentField("started", null=True, blank=True)
    finished_at = MomentField("finished", null=True, blank=True)

    worker = models.CharField(max_length=64, blank=True, default="")
    claim = models.IntegerField(default=0)
    attempts = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    crashes = models.IntegerField(default=0)
    max_crashes = models.IntegerField(default=DEFAULT_MAX_CRASHES)
    cancel_requested = models.BooleanField(default=False)
    cancelled_by = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001 - or nobody
    was_stopped = models.BooleanField(null=True, blank=True)

    unique_key = models.CharField(  # noqa: DJ001 - null says: none, and is not unique
        max_length=255, null=True, blank=True
    )
    expires_at = MomentField(null=True, blank=True)
    indexed = models.BooleanField(default=False)
    progress = models.JSONField(null=True, blank=True)
    meta = models.JSONField(default=dict, blank=True)

    # The long ones come last: SQLite reads a row from its start, through all that it is long.
    args = models.TextField(default="[]")
    kwargs = models.TextField(default="{}")
    result = models.TextField(null=True, blank=True)  # noqa: DJ001 - null says: no result yet
    error = models.TextField(blank=True, default="")
    traceback = models.TextField(blank=True, default="")
    history = models.TextField(default=NO_HISTORY)
    log = models.TextField(null=True, blank=True)  # noqa: DJ001 - null says: nothing was logged

    class Meta:
        verbose_name = "task result"
        ordering: ClassVar = ["-id"]
        permissions: ClassVar = [
            ("retry_taskrecord", "Can retry task results"),
            ("cancel_taskrecord", "Can cancel task results"),
            ("run_taskrecord", "Can run task results now"),
        ]
        indexes: ClassVar = [
            PartialIndex(
                fields=["queue", "kind", "priority", "id"],
                name="flowrra_ready",
                mysql_fields=["status", "queue", "kind", "due_at", "priority", "id"],
                condition=Q(status__in=WAITING_STATUSES, due_at__isnull=True),
            ),
            PartialIndex(
                fields=["queue", "kind", "due_at"],
                name="flowrra_delayed",
                mysql_fields=["queue", "kind", "due_at"],
                condition=Q(due_at__isnull=False),
            ),
            PartialIndex(
                fields=["worker"],
                name="flowrra_running",
                mysql_fields=["status", "worker"],
                condition=Q(status="running"),
            ),
            PartialIndex(
                fields=["finished_at"],
                name="flowrra_finished",
                mysql_fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
            ),
            PartialIndex(
                fields=["expires_at"],
                name="flowrra_expiring",
                mysql_fields=["status", "expires_at"],
                condition=Q(expires_at__isnull=False, status="pending", claim=0),
            ),
            models.Index(
                fields=["id"],
                name="flowrra_unindexed",
                condition=Q(indexed=False, status__in=WAITING_STATUSES),
            ),
            models.Index(fields=["status", "id"], name="flowrra_status"),
            models.Index(fields=["queue", "id"], name="flowrra_queue"),
            models.Index(fields=["task_name", "id"], name="flowrra_task"),
        ]

        constraints: ClassVar = [PartialUnique(["unique_key"], "flowrra_unique_key")]

    def __str__(self) -> str:
        return f"{self.task_name} {self.task_id}"

    @classmethod
    def check(cls, **options: Any) -> list[CheckMessage]:
        """Leave out that MySQL has no conditions on indexes and constraints: it gets others."""
        return [message for message in super().check(**options) if message.id not in MET]


class WorkerProcess(models.Model):
    """A worker that is up, or was when it last beat. Its row is its licence to claim jobs."""

    worker_id = models.CharField("id", max_length=64, primary_key=True)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    process = models.CharField(max_length=255, blank=True, default="")
    queues = models.TextField(blank=True, default="")
    kinds = models.CharField(max_length=50, blank=True, default="")
    version = models.CharField(max_length=50, blank=True, default="")
    started_at = MomentField("started")
    beat_at = MomentField("last heartbeat")
    memory = models.BigIntegerField("memory in bytes", null=True, blank=True)
    abandoned = models.IntegerField("threads that go on with jobs given up", default=0)
    is_draining = models.BooleanField("is to end", default=False)

    class Meta:
        verbose_name = "worker"
        default_permissions = ("view",)
        permissions: ClassVar = [("drain_workerprocess", "Can drain workers")]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class QueueState(models.Model):
    """A queue about which something was decided; a queue without a row is simply open."""

    name = models.CharField(max_length=100, primary_key=True)
    paused_at = MomentField("paused since", null=True, blank=True)

    class Meta:
        verbose_name = "queue"
        default_permissions = ("view",)
        permissions: ClassVar = [
            ("pause_queuestate", "Can pause and resume queues"),
            ("purge_queuestate", "Can purge queues"),
        ]

    def __str__(self) -> str:
        return self.name


class MinuteStat(models.Model):
    """What one minute of one queue came to, or of all of them, under an empty name.

    Times are counted in histograms of milliseconds.
    """

    minute = MomentField()
    queue = models.CharField(max_length=100)
    succeeded = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    waited = models.JSONField(default=dict)
    ran = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["minute", "queue"], name="flowrra_minute_queue")
        ]

    def __str__(self) -> str:
        return f"{self.queue} {self.minute:%Y-%m-%d %H:%M}"


class Overview(models.Model):
    """No table: the page of the admin that shows what goes on, and the permission to view it."""

    class Meta:
        managed = False
        default_permissions = ("view",)
        verbose_name = verbose_name_plural = "overview"

    def __str__(self) -> str:
        return "Overview"


class RegisteredTask(models.Model):
    """No table: the page of the admin that shows the tasks, and the permission to run one."""

    class Meta:
        managed = False
        default_permissions = ("view",)
        permissions: ClassVar = [("run_registeredtask", "Can run tasks now")]
        verbose_name = "task"

    def __str__(self) -> str:
        return "Tasks"
