"""The tables. `TaskRecord` is the single description of the ledger's table, also for raw SQL."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from .job import DEFAULT_MAX_CRASHES, DEFAULT_QUEUE, NO_HISTORY, Kind
from .results import TaskStatus

WAITING_STATUSES = ("pending", "retrying")


class TaskRecord(models.Model):
    """One job. Written by the engine, read by people; the primary key is the order of arrival.

    `args`, `kwargs` and `result` are JSON text in the form of `serialization.JsonCodec`;
    `history` holds the last ten attempts that went wrong. `due_at` is set while, and only while,
    a waiting job is delayed.
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

    submitted_at = models.DateTimeField("submitted")
    run_after = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField("started", null=True, blank=True)
    finished_at = models.DateTimeField("finished", null=True, blank=True)

    worker = models.CharField(max_length=64, blank=True, default="")
    claim = models.IntegerField(default=0)
    attempts = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    crashes = models.IntegerField(default=0)
    max_crashes = models.IntegerField(default=DEFAULT_MAX_CRASHES)
    cancel_requested = models.BooleanField(default=False)

    unique_key = models.CharField(max_length=255, null=True, blank=True, unique=True)
    expires_at = models.DateTimeField(null=True, blank=True)
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

    class Meta:
        verbose_name = "task result"
        ordering: ClassVar = ["-id"]
        permissions: ClassVar = [("retry_taskrecord", "Can retry task results")]
        indexes: ClassVar = [
            models.Index(
                fields=["queue", "kind", "priority", "id"],
                name="flowrra_ready",
                condition=Q(status__in=WAITING_STATUSES, due_at__isnull=True),
            ),
            models.Index(
                fields=["queue", "kind", "due_at"],
                name="flowrra_delayed",
                condition=Q(due_at__isnull=False),
            ),
            models.Index(fields=["worker"], name="flowrra_running", condition=Q(status="running")),
            models.Index(
                fields=["finished_at"],
                name="flowrra_finished",
                condition=Q(finished_at__isnull=False),
            ),
            models.Index(fields=["status", "id"], name="flowrra_status"),
            models.Index(fields=["queue", "id"], name="flowrra_queue"),
            models.Index(fields=["task_name", "id"], name="flowrra_task"),
        ]

    def __str__(self) -> str:
        return f"{self.task_name} {self.task_id}"


class WorkerProcess(models.Model):
    """A worker that is up, or was when it last beat. Its row is its licence to claim jobs."""

    worker_id = models.CharField("id", max_length=64, primary_key=True)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    process = models.CharField(max_length=255, blank=True, default="")
    queues = models.TextField(blank=True, default="")
    kinds = models.CharField(max_length=50, blank=True, default="")
    version = models.CharField(max_length=50, blank=True, default="")
    started_at = models.DateTimeField("started")
    beat_at = models.DateTimeField("last heartbeat")

    class Meta:
        verbose_name = "worker"

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class QueueState(models.Model):
    """A queue about which something was decided; a queue without a row is simply open."""

    name = models.CharField(max_length=100, primary_key=True)
    paused_at = models.DateTimeField("paused since", null=True, blank=True)

    class Meta:
        verbose_name = "queue"

    def __str__(self) -> str:
        return self.name


class MinuteStat(models.Model):
    """What one minute of one queue came to. Times are counted in histograms of milliseconds."""

    minute = models.DateTimeField()
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
