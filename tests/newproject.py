"""A fresh project, as one who follows the documentation would make it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.pages import blocks_of
from tests.support import ROOT

VISIT = """
import django; django.setup()
from django.test import Client
reply = Client(SERVER_NAME="localhost").get("/greet/")
assert reply.status_code == 200, reply
print(reply.content.decode().split()[1])
"""
ASK = """
import django, json, sys; django.setup()
from flowrra_django import JobHandle
result = JobHandle(sys.argv[1]).get()
print(json.dumps([result.status, result.result, result.args]))
"""


def run(folder: Path, *command: str) -> str:
    """Run a program as a user would in a folder of theirs; return what it printed."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def apply(page: str, folder: Path) -> None:
    """Put the blocks of a page where it says they go."""
    for block in blocks_of(page):
        if block.verb in {"file", "append"}:
            with (folder / block.subject).open("w" if block.verb == "file" else "a") as file:
                file.write(f"\n{block.code}")


def visit_and_work(folder: Path) -> list[Any]:
    """Migrate, check, call the view, run the worker; return what became of the view's job."""
    run(folder, sys.executable, "manage.py", "migrate", "-v0")
    run(folder, sys.executable, "manage.py", "check", "--fail-level", "WARNING")
    task_id = run(folder, sys.executable, "-c", VISIT).strip()
    run(folder, sys.executable, "manage.py", "runflowrra", "--burst", "-v0")
    answer: list[Any] = json.loads(run(folder, sys.executable, "-c", ASK, task_id))
    return answer
