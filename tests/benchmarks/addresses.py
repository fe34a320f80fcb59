"""The pages of the admin, and the commands: each kind of them, in each way to ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import urlencode

from flowrra_django.admin.filters import AGES
from flowrra_django.models import TaskRecord
from flowrra_django.results import TaskStatus
from tests.benchmarks.filling import BUSY, QUEUES, RETIRED, TASKS, TENANTS

LIST = "/admin/flowrra_django/taskrecord/"
QUEUE_PAGE = "/admin/flowrra_django/queuestate/"
COMMANDS = ("status", "queues", "workers", "tasks", "health")
PAGES = ("overview", "queuestate", "registeredtask", "workerprocess")

STATUSES = [status.value for status in TaskStatus]
CHOICES = {"status": STATUSES, "queue": [*QUEUES], "task": [*TASKS, RETIRED]}
COMBINED = [
    ("status",), ("queue",), ("task",), ("status", "queue"), ("status", "task"), ("queue", "task"),
    ("status", "queue", "task"),
]  # fmt: skip
PREFIXES = {
    "none": ["nothing"],
    "one": ["shop.orders.cr", "shop.retired"],
    "a few": ["shop.orders.", "shop.imports."],
    "a dozen": ["shop.m"],
    "all": ["shop."],
}


def pages() -> Iterator[tuple[str, str]]:
    """Give the kind and the address of each page."""
    yield "list", LIST
    for number in (2, 10, 50, 100):
        yield "list, later pages", _list(p=number)
    yield from _filtered()
    yield from _filtered_by_age()
    yield from _searched()
    yield from _single()
    yield "purge", f"{QUEUE_PAGE}purge/?queue=default"


def pages_of_many_queues() -> Iterator[tuple[str, str]]:
    """Give those that depend on how many queues there are."""
    for kind, url in (
        ("list", LIST),
        ("filter: queue", _list(queue=TENANTS[7])),
        ("filter: status, queue", _list(status="pending", queue=TENANTS[7])),
        ("filter: status, queue, task", _list(status="pending", queue=TENANTS[7], task=TASKS[0])),
        ("search: all; status, queue", _list(q="shop.", status="pending", queue=TENANTS[7])),
        ("purge", f"{QUEUE_PAGE}purge/?queue={TENANTS[7]}"),
        *_overall(),
    ):
        yield f"200 queues: {kind}", url


def _filtered() -> Iterator[tuple[str, str]]:
    for names in COMBINED:
        for values in product(*(CHOICES[name] for name in names)):
            yield f"filter: {', '.join(names)}", _list(**dict(zip(names, values, strict=True)))
    for number in (2, 100):
        yield "filter: status, later pages", _list(status="success", p=number)
    for worker in BUSY:
        yield "filter: worker", _list(worker=worker)
        yield "filter: worker, queue", _list(worker=worker, queue="default")


def _filtered_by_age() -> Iterator[tuple[str, str]]:
    for age in AGES:
        yield "filter: since", _list(since=age)
        for names in COMBINED:
            some = {name: CHOICES[name][0] for name in names}
            yield f"filter: since, {', '.join(names)}", _list(since=age, **some)
            yield (
                f"filter: since, {', '.join(names)}, retried",
                _list(since=age, retried="yes", **some),
            )
    yield "filter: retried", _list(retried="yes")
    for name, values in CHOICES.items():
        for value in values:
            yield f"filter: retried, {name}", _list(retried="yes", **{name: value})


def _searched() -> Iterator[tuple[str, str]]:
    for found, texts in PREFIXES.items():
        for text in texts:
            kind = f"search: {found}"
            yield kind, _list(q=text)
            yield f"{kind}; task", _list(q=text, task=TASKS[0])
            for status in STATUSES:
                yield f"{kind}; status", _list(q=text, status=status)
            for queue in QUEUES:
                yield f"{kind}; queue", _list(q=text, queue=queue)
            for status, queue in product(STATUSES, QUEUES):
                yield f"{kind}; status, queue", _list(q=text, status=status, queue=queue)
    yield "search: all, last page", _list(q="shop.", p=100)
    yield "search: id", _list(q=f"{500:032x}")


def _single() -> Iterator[tuple[str, str]]:
    for status in STATUSES:
        for newest in TaskRecord.objects.filter(status=status).values_list("pk", flat=True)[:3]:
            yield "task result", f"{LIST}{newest}/change/"
            yield "task result: history", f"{LIST}{newest}/history/"
            if status != TaskStatus.RUNNING:
                yield "task result: delete", f"{LIST}{newest}/delete/"
    yield from _overall()


def _overall() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        yield page, f"/admin/flowrra_django/{page}/"
    for command in COMMANDS:
        yield f"command: {command}", f"flowrra {command}"


def _list(**query: Any) -> str:
    return f"{LIST}?{urlencode(query)}"
