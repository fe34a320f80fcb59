"""Every link in the documentation leads somewhere, and its reference leaves nothing out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields

import pytest

from flowrra_django import TaskResult, exceptions
from flowrra_django.config import BackendConfig, ExecutorConfig
from flowrra_django.handle import JobHandle
from flowrra_django.models import TaskRecord
from flowrra_django.registry import Task
from flowrra_django.rules import key_of
from tests.pages import DOCS, LINK, PAGES, anchors, options_of


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for path, anchor in LINK.findall(PAGES[page].read_text()):
        target = (PAGES[page].parent / path).resolve() if path else PAGES[page]
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def test_every_page_is_in_the_index():
    linked = {path for path, _ in LINK.findall((DOCS / "index.md").read_text())}
    assert {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - linked == {"index.md"}


SETTINGS = {
    key_of(field.name): field.default
    for part in (BackendConfig, ExecutorConfig)
    for field in fields(part)
}
SUBCOMMANDS = [
    *("status", "queues", "workers", "tasks", "show", "cancel", "retry", "prune", "health"),
    *("pause", "resume", "delete", "purge"),
]
REFERENCE: dict[str, Callable[[], list[str]]] = {
    "commands": lambda: [*options_of("runflowrra"), *SUBCOMMANDS],
    "errors": lambda: [name for name, value in vars(exceptions).items() if inspect.isclass(value)],
    "jobs": lambda: (
        [field.name for field in fields(TaskResult)]
        + [
            name
            for name, value in vars(JobHandle).items()
            if inspect.isfunction(value) and name[0] != "_"
        ]
    ),
    "model": lambda: [field.name for field in TaskRecord._meta.get_fields()],
    "settings": lambda: list(SETTINGS),
    "tasks": lambda: [f.name for f in fields(Task) if f.name not in {"func", "kind"}],
}


@pytest.mark.parametrize("page", REFERENCE)
def test_the_reference_names_all_there_is(page):
    text = (DOCS / "reference" / f"{page}.md").read_text()
    assert REFERENCE[page]()
    assert [name for name in REFERENCE[page]() if not re.search(rf"`{name}\b", text)] == []


@pytest.mark.parametrize("key", sorted(SETTINGS.keys() - {"URL", "CPU_WORKERS"}))
def test_the_reference_has_the_default_of_each_setting(key):
    assert f"| `{key}` | `{SETTINGS[key]}` |" in (DOCS / "reference/settings.md").read_text()
