"""A census, and the files it is about. What was counted in a file is the result of its job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from flowrra_django.models import TaskRecord
from flowrra_django.results import FINAL
from flowrra_django.serialization import JsonCodec

from .counting import FileCount
from .summary import Counted, NotCounted, Outcome, Summary


@dataclass(frozen=True, slots=True)
class Progress:
    """How many files were found, None while they are still being collected; how many are done."""

    found: int | None
    done: int

    def __str__(self) -> str:
        found = "those found so far" if self.found is None else f"{self.found:,} files"
        return f"{self.done:,} of {found} are done"


class Census(models.Model):
    """One count of the Python files under `root`. `summary` is empty until the end.

    `found` is the number of files, once all have been found.
    """

    root = models.CharField("tree", max_length=4096)
    started_at = models.DateTimeField("started", auto_now_add=True)
    finished_at = models.DateTimeField("finished", null=True, blank=True)
    found = models.IntegerField("files", null=True, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    collector_id = models.CharField("collecting job", max_length=64, blank=True, default="")
    summary_id = models.CharField("summary job", max_length=64, blank=True, default="")

    class Meta:
        verbose_name_plural = "censuses"
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"Census {self.pk} of {self.root}"

    def progress(self) -> Progress:
        """Say how far the census is."""
        self.refresh_from_db(fields=["found"])
        return Progress(self.found, self._file_jobs().filter(status__in=FINAL).count())

    def open_files(self) -> int:
        """Return how many files have a job that is not final. One that was deleted is."""
        return self._file_jobs().exclude(status__in=FINAL).count()

    def is_lost(self) -> bool:
        """Whether the files have not all been found, and will not be."""
        collector = TaskRecord.objects.filter(task_id=self.collector_id)
        if collector.exclude(status__in=FINAL).exists():
            return False
        self.refresh_from_db(fields=["found"])  # which it noted before it ended
        return self.found is None

    def is_over(self) -> bool:
        """Whether the census is finished, or cannot be: none of its own two jobs will run again."""
        return not self._own_jobs().exclude(status__in=FINAL).exists()

    def culprit(self) -> TaskRecord | None:
        """Return the job that keeps a census which is over from being finished, if it is there."""
        return self._own_jobs().exclude(status="success").order_by("pk").first()

    def outcomes(self) -> Iterator[Outcome]:
        """Read what became of each file."""
        jobs = {job.task_id: job for job in self._file_jobs().iterator()}
        for file in self.files.iterator():
            yield _outcome(file.path, jobs.get(file.task_id))

    def note_found(self, number: int) -> None:
        """Note that all files have been found."""
        self.found = number
        self.save(update_fields=["found"])

    def finish(self, summary: Summary) -> None:
        """Note the figures. To do it again changes the figures, and not when it was done."""
        self.summary = summary.to_dict()
        self.finished_at = self.finished_at or timezone.now()
        self.save(update_fields=["summary", "finished_at"])

    def _file_jobs(self) -> QuerySet[TaskRecord]:
        return TaskRecord.objects.filter(task_id__in=self.files.values("task_id"))

    def _own_jobs(self) -> QuerySet[TaskRecord]:
        this = Census.objects.filter(pk=self.pk)
        return TaskRecord.objects.filter(
            Q(task_id__in=this.values("collector_id")) | Q(task_id__in=this.values("summary_id"))
        )


class SourceFile(models.Model):
    """A file of a census, by its path below the root, and the job that counts it."""

    census = models.ForeignKey(Census, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=4096)
    task_id = models.CharField("job", max_length=64)

    class Meta:
        ordering: ClassVar = ["path"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["census", "path"], name="census_one_row_a_file")
        ]

    def __str__(self) -> str:
        return self.path


def _outcome(path: str, job: TaskRecord | None) -> Outcome:
    if job is None:
        return NotCounted(path, "deleted", "Its job was deleted before the summary was written.")
    if job.status == "success":
        return Counted(path, FileCount.from_dict(_result(job)))
    if job.error_type:
        return NotCounted(path, job.error_type.rpartition(".")[2], job.error)
    return NotCounted(path, job.status, f"Its job was {job.status}.")


def _result(job: TaskRecord) -> dict[str, Any]:
    values: dict[str, Any] = JsonCodec().decode(job.result)
    return values
