"""The site's checks, for commands with an exit code of their own."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, SystemCheckError

from ..worker.supervisor import MISCONFIGURED


def check(command: BaseCommand) -> None:
    """Run the checks that a command leaves to itself. Raises CommandError, to exit with 2."""
    try:
        command.check(databases=[])  # Django 6.1 would connect to all of the site's
    except SystemCheckError as error:
        raise CommandError(str(error), returncode=MISCONFIGURED) from error
