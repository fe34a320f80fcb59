"""`manage.py census`: count what is in a tree of Python files, each file in a job of its own."""

from __future__ import annotations

import asyncio
import os
import platform
import shlex
import sys
import sysconfig
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from example_project.census.display import create_display
from example_project.census.models import Census
from example_project.census.report import render
from example_project.census.running import Run
from example_project.census.tasks import begin
from flowrra_django import runtime
from flowrra_django.models import TaskRecord
from flowrra_django.results import FINAL

INTERRUPTED = 130  # what a shell says of a program that Ctrl-C has ended


class Command(BaseCommand):
    help = "Count what is in the Python files of a directory. Every run is a new census."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path",
            nargs="?",
            type=Path,
            default=Path(sysconfig.get_path("stdlib")),
            help="Where the files are. Default: the standard library of this Python.",
        )
        parser.add_argument(
            "--report",
            action="store_true",
            help="Print the last census again, and run none.",
        )

    def handle(self, *, path: Path, report: bool, **_: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        if report:
            self._report(Census.objects.first(), exit_code=1)
            return
        if not path.is_dir():
            raise CommandError(f"There is no directory {path}.")
        left = TaskRecord.objects.exclude(status__in=FINAL).count()
        census = begin(path.resolve())
        self._introduce(census, left)
        with suppress(KeyboardInterrupt):  # it came a moment before the worker listens to it
            asyncio.run(Run(census, create_display(self.stdout)).run())
        census.refresh_from_db()
        self._report(census, exit_code=INTERRUPTED)

    def _introduce(self, census: Census, left: int) -> None:
        slots = runtime.get_config().executor.cpu_workers
        database = _from_here(connection.settings_dict["NAME"])
        self.stdout.write(
            f"Counting what is in the Python files under {census.root}, as Python "
            f"{platform.python_version()} reads them.\n"
            f"Each file is a job, {slots} run at once; all are kept in {database}.\n"
        )
        if left:
            self.stdout.write(
                f"{left:,} jobs of an earlier census are still open; they come first."
            )

    def _report(self, census: Census | None, *, exit_code: int) -> None:
        """Print a finished census; of another one, print how to finish it, and exit."""
        if census is None:
            raise CommandError(f"There has been no census yet. Run one: {_command('census')}")
        if census.finished_at is None:
            self._say_how_to_finish(census)
            sys.exit(exit_code)
        self.stdout.write(
            f"\n{render(census)}\n\n"
            "Every job is in the admin, with its times, arguments, result or error:\n"
            f"  {_command('createsuperuser')}\n"
            f"  {_command('runserver')}\n"
            "and then http://127.0.0.1:8000/"
        )

    def _say_how_to_finish(self, census: Census) -> None:
        if census.is_over() and (job := census.culprit()):
            raise CommandError(
                f"{census} cannot be finished: its job {job.task_name} {job.status}. {job.error}\n"
                f"See it in the admin, and retry it there: {_command('runserver')}"
            )
        self.stdout.write(
            f"\n{census} is not finished: {census.progress()}. Nothing is lost. To go on:\n"
            f"  {_command('runflowrra --burst')}\n"
            f"  {_command('census --report')}"
        )


def _command(line: str) -> str:
    """Return a command as one would type it here."""
    return f"{shlex.quote(_from_here(sys.executable))} {shlex.quote(sys.argv[0])} {line}"


def _from_here(path: str | Path) -> str:
    path, here = Path(path), Path.cwd()
    return os.fspath(path.relative_to(here) if path.is_relative_to(here) else path)
