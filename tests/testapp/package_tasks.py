"""A task of the package django-tasks, beside Django's own."""

from django_tasks import task


@task(backend="package")
def shout(words):
    return words.upper()
