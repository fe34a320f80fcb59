"""flowrra_django as a contestant."""

from __future__ import annotations

import django
from django.core.management import call_command

django.setup()

from flowrra_django.models import TaskRecord  # noqa: E402 - after the settings
from flowrra_django.runtime import get_stores  # noqa: E402
from tests.benchmarks.ours import tasks  # noqa: E402


def prepare() -> None:
    call_command("migrate", verbosity=0)


def enqueue(work: str) -> None:
    getattr(tasks, work).enqueue()


async def aenqueue(work: str) -> None:
    await getattr(tasks, work).aenqueue()


def enqueue_many(work: str, count: int) -> None:
    getattr(tasks, work).enqueue_many([()] * count)


def enqueue_urgent(work: str) -> None:
    getattr(tasks, work).using(priority=-10).enqueue()


def finish(count: int) -> None:
    """Write so many records of jobs that have long ended."""
    from tests.benchmarks.filling import fill_with_ended  # noqa: PLC0415 - for databases only

    fill_with_ended(count)


def kept() -> int:
    """Return how many results are in the ledger."""
    backend = get_stores().backend
    if hasattr(backend, "engine"):
        return TaskRecord.objects.filter(status="success").count()
    return -1
