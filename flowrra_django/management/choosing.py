"""Which jobs a command is to change: how that is said, and what is asked before it does."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from flowrra_django.bulk import cancel_jobs, count_jobs, delete_jobs, retry_jobs, run_jobs_now
from flowrra_django.results import AT_REST, FINAL, UNFINISHED, WAITING, TaskStatus

BY = "command"
YES = {"y", "Y", "yes"}
LONGEST_AGE = 1e9  # seconds, some thirty years
FILTERS = ("status", "task", "queue", "older_than")
WAYS = "--status, --task, --queue or --older-than"


@dataclass(frozen=True, slots=True)
class Act:
    """What may be done to many jobs: to those of which states, by default to which, in words."""

    change: Callable[..., int]
    possible: Collection[TaskStatus]
    usual: Collection[TaskStatus]
    question: str
    done: str


ACTS: Mapping[str, Act] = {
    "retry": Act(retry_jobs, FINAL, [TaskStatus.FAILED], "Run them again?", "To run again"),
    "cancel": Act(partial(cancel_jobs, by=BY), UNFINISHED, UNFINISHED, "Cancel them?", "Cancelled"),
    "run": Act(run_jobs_now, WAITING, WAITING, "Run them now?", "To run now"),
    "delete": Act(delete_jobs, AT_REST, FINAL, "Delete them?", "Deleted"),
}


def add_choice(parser: CommandParser, act: Act) -> None:
    """Let a command be told the ids of jobs, or what they have in common."""
    usual = ", ".join(sorted(act.usual))
    parser.add_argument("names", nargs="*", metavar="ID")
    parser.add_argument(
        "--status",
        action="append",
        choices=sorted(map(str, act.possible)),
        help=f"Those in this state, or in one of several. Default: {usual}.",
    )
    for what in ("task", "queue"):
        parser.add_argument(
            f"--{what}",
            action="append",
            metavar="NAME",
            help=f"Those of this {what}, or of one of several.",
        )
    parser.add_argument(
        "--older-than",
        type=seconds,
        metavar="SECONDS",
        help="Those that were enqueued more than so long ago.",
    )
    add_yes(parser)


def add_yes(parser: CommandParser) -> None:
    parser.add_argument("--yes", action="store_true", help="Do it without a question.")


def filters_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the jobs are to have in common; none where ids are given instead.

    Raises CommandError where it is not said which jobs are meant, or said in both ways.
    """
    filters = {name: options[name] for name in FILTERS if options[name] is not None}
    if options["names"] and filters:
        raise CommandError(f"Jobs are chosen by their ids or by {WAYS}. Leave one out.")
    if not (options["names"] or filters):
        raise CommandError(f"No job is chosen. Give ids, or at least one of {WAYS}.")
    return filters


def count(act: Act, filters: Mapping[str, Any]) -> int:
    """Return how many jobs would be changed."""
    return count_jobs(**{"status": act.usual, **filters})


def ask(
    out: OutputWrapper, question: str, wanted: Collection[str], options: Mapping[str, Any]
) -> None:
    """Go on if the answer is one that is wanted, or if it was given before, with `--yes`.

    Raises CommandError otherwise.
    """
    if options["yes"]:
        return
    if options["json"]:
        raise CommandError("With --json no question is asked. Say --yes if it is to be done.")
    out.write(question, ending="")
    out.flush()
    try:
        answer = input()
    except EOFError:
        raise CommandError("Nobody answered. Without a terminal, say --yes.") from None
    if answer not in wanted:
        raise CommandError("Nothing was changed.")


def seconds(text: str) -> float:
    """Return an age that a command was told; for argparse."""
    number = float(text)
    if not (math.isfinite(number) and 0 <= number <= LONGEST_AGE):
        raise ArgumentTypeError(f"seconds are from 0 to {LONGEST_AGE:.0f}, got {text}")
    return number
