"""The example's site behind uvicorn on a SQLite file of its own, and a worker beside it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

from tests.support import ROOT, WorkerProcess, until, worker_process

SETTINGS = "tests.browser.settings"
ADMIN, HELPER, READER, STRANGER, PASSWORD = "root", "helper", "reader", "stranger", "a-password"
"""Users who may: everything; view and retry; view alone; be staff, and nothing else."""

PEOPLE = f"""
from django.contrib.auth.models import Permission, User
User.objects.create_superuser({ADMIN!r}, password={PASSWORD!r})
may = {{
    {HELPER!r}: ["view_taskrecord", "retry_taskrecord"],
    {READER!r}: ["view_taskrecord"],
    {STRANGER!r}: [],
}}
for name, codenames in may.items():
    user = User.objects.create_user(name, password={PASSWORD!r}, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
"""


class Site:
    """What tests start, stop and look into. Nothing here goes through Django in this process:
    while a browser is driven a loop runs in this thread, in which Django refuses its ORM.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "census.sqlite3"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self._variables = {
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "CENSUS_DATABASE": str(self.database),
        }

    def prepare(self) -> None:
        """Make the tables, and the people who may log in."""
        self.manage("migrate", "--verbosity", "0")
        self.shell(PEOPLE)

    def manage(self, *arguments: str) -> str:
        """Run a command to its end, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **self._variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python with Django set up; return what it printed last."""
        return self.manage("shell", "--verbosity", "0", "-c", code).strip().rpartition("\n")[2]

    def enqueue(self, task: str, *args: Any) -> str:
        """Enqueue a task of `tests.browser.tasks` by its name; return the job's id."""
        return self.shell(
            f"from tests.browser import tasks as t; print(t.{task}.enqueue(*{args!r}).task_id)"
        )

    def start(self) -> None:
        """Serve pages and sockets, and wait until the site answers."""
        application = "example_project.asgi:application"
        options = f"--host 127.0.0.1 --port {self.port} --no-access-log".split()
        self._serve("-m", "uvicorn", application, *options)

    def start_without_sockets(self) -> None:
        """Serve pages alone, as under WSGI."""
        self._serve("manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}")

    def _serve(self, *command: str) -> None:
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, **self._variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._answers, 60)

    def stop(self) -> None:
        """End the server at once, as a deploy might."""
        if self._server is not None and self._server.poll() is None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()

    def worker(self, *options: str) -> AbstractContextManager[WorkerProcess]:
        return worker_process(*options, log=self.folder / "worker.log", **self._variables)

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        # The isolation level keeps Python from leaving a transaction open.
        with closing(sqlite3.connect(self.database, timeout=20, isolation_level=None)) as database:
            return database.execute(query, parameters).fetchall()

    def status(self, task_id: str) -> str:
        ((status,),) = self.rows(
            "SELECT status FROM flowrra_django_taskrecord WHERE task_id = ?", [task_id]
        )
        return str(status)

    def key(self, task_id: str) -> int:
        """Return the number under which the admin has a job."""
        ((key,),) = self.rows(
            "SELECT id FROM flowrra_django_taskrecord WHERE task_id = ?", [task_id]
        )
        return int(key)

    def _answers(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, self.log.read_text()
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
