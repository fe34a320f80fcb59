"""The example's site with a database of its own, used as a person would: through manage.py."""

from __future__ import annotations

import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import Any

from tests.support import ROOT, WorkerProcess, worker_process

SETTINGS = "example_project.settings"
SLOW_SOURCE = "def f(a, b=1):\n    return [x for x in (a, b) if x]\n" * 400  # some 40 ms to parse


class Site:
    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        self.tree.mkdir()
        self._folder = folder
        self._database = folder / "census.sqlite3"
        self._variables = {
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "CENSUS_DATABASE": str(self._database),
            "PYTHONWARNINGS": "error",
        }

    def write(self, path: str, source: str | bytes) -> None:
        file = self.tree / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(source.encode() if isinstance(source, str) else source)

    def start(
        self, *arguments: str, stdout: int = subprocess.PIPE, **variables: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **self._variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def manage(self, *arguments: str, exit_code: int = 0) -> str:
        """Run a command to its end and return what it printed; nothing on standard error."""
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (exit_code, ""), output + errors
        return output

    def manage_in_terminal(self, *arguments: str) -> str:
        """Run a command that takes its standard output for a terminal."""
        ours, its = pty.openpty()
        with self.start(*arguments, stdout=its, TERM="xterm", COLUMNS="200") as process:
            os.close(its)
            output = b"".join(_chunks(ours))
        os.close(ours)
        assert process.returncode == 0, output
        return output.decode()

    def worker(self, *options: str) -> AbstractContextManager[WorkerProcess]:
        return worker_process(*options, log=self._folder / "worker.log", **self._variables)

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._database, timeout=20)) as connection:
            return connection.execute(query, parameters).fetchall()

    def number(self, query: str) -> int:
        return int(self.rows(query)[0][0])

    def counted(self) -> dict[str, tuple[Any, ...]]:
        """Return the id of each file job that succeeded, with all that must never change again."""
        return {
            row[0]: row
            for row in self.rows(
                "SELECT task_id, result, attempts, worker, started_at, finished_at "
                "FROM flowrra_django_taskrecord WHERE kind = 'cpu' AND status = 'success'"
            )
        }


def _chunks(terminal: int) -> Iterator[bytes]:
    with suppress(OSError):  # how Linux says that the other side of a terminal is closed
        while chunk := os.read(terminal, 4096):
            yield chunk
