"""The three kinds of job: one finds the files, one counts in a file, one sums up.

Each may run more than once, as any job may whose worker is killed; none then counts twice.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction

from flowrra_django import GiveUp, current_job, flowrra_task

from .counting import count_source, find_sources
from .models import Census, SourceFile
from .summary import summarise

CHUNK = 500
A_DAY_OF_SECONDS = 86_400


class FilesOpenError(Exception):
    """Some files have not been counted yet. The summary is tried again a second later."""


def begin(root: Path) -> Census:
    """Start a census: its row and its own two jobs, or nothing."""
    with transaction.atomic():
        census = Census.objects.create(root=str(root))
        census.collector_id = collect.enqueue(census.pk).task_id
        census.summary_id = write_summary.enqueue(census.pk).task_id
        census.save(update_fields=["collector_id", "summary_id"])
    return census


@flowrra_task
async def collect(census_id: int) -> int:
    """Enqueue a job for each file of the tree. Return the number of files."""
    census = await Census.objects.aget(pk=census_id)
    paths = await asyncio.to_thread(find_sources, Path(census.root))
    for start in range(0, len(paths), CHUNK):
        await sync_to_async(_enqueue_files)(census, paths[start : start + CHUNK])
    await sync_to_async(census.note_found)(len(paths))
    return len(paths)


@flowrra_task(cpu_bound=True, max_retries=0)
def count_file(path: str) -> dict[str, Any]:
    """Count in one file. What cannot be parsed today cannot be tomorrow: it is not tried again."""
    return count_source(Path(path)).to_dict()


@flowrra_task(max_retries=A_DAY_OF_SECONDS, retry_delay=1.0)
def write_summary(census_id: int) -> dict[str, Any] | None:
    """Sum up once every file has its count or its failure; fail until then, which costs little."""
    census = Census.objects.filter(pk=census_id).first()
    if census is None:  # somebody deleted it
        return None
    if census.is_lost():
        raise GiveUp("The files cannot be found; see the job that was to find them.")
    if census.found is None:
        raise FilesOpenError("The files are still being found.")
    left = census.open_files()
    current_job().progress(census.found - left, census.found, "files are counted")
    if left:
        raise FilesOpenError(f"{left:,} of {census.found:,} files are still to be counted.")
    summary = summarise(census.outcomes())
    census.finish(summary)
    return summary.to_dict()


# Rows and jobs are written in one transaction: where the rows are, the jobs are. A transaction
# does not go across an await, so these are plain functions that the coroutine calls.


def _enqueue_files(census: Census, paths: list[str]) -> None:
    """Enqueue the files that have not been, by an earlier run of the same job."""
    with transaction.atomic():
        known = set(census.files.filter(path__in=paths).values_list("path", flat=True))
        new = [path for path in paths if path not in known]
        jobs = count_file.enqueue_many([(str(Path(census.root, path)),) for path in new])
        SourceFile.objects.bulk_create(
            SourceFile(census=census, path=path, task_id=job.task_id)
            for path, job in zip(new, jobs, strict=True)
        )
