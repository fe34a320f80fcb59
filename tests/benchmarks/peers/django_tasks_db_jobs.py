"""django-tasks-db, on the site's database: results kept."""

import django
from django.core.management import call_command

django.setup()

from django_tasks import task  # noqa: E402 - after the settings

from tests.benchmarks import work  # noqa: E402


@task()
def noop():
    work.count()


@task()
def tell():
    work.tell()


def prepare() -> None:
    call_command("migrate", verbosity=0)


def enqueue(job: str) -> None:
    globals()[job].enqueue()
