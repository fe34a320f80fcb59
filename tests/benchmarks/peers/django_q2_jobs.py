"""django-q2, on the site's database: results kept."""

import django
from django.core.management import call_command

django.setup()

from django_q.tasks import async_task  # noqa: E402 - after the settings


def prepare() -> None:
    call_command("migrate", verbosity=0)


def enqueue(job: str) -> None:
    async_task(f"tests.benchmarks.work.{'count' if job == 'noop' else job}")
