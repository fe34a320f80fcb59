"""`manage.py flowrra`: what goes on, and what to do about it, from a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from flowrra_django import runtime
from flowrra_django.asking import Row, Site, waits
from flowrra_django.bulk import purge_queue
from flowrra_django.exceptions import ConfigurationError, FlowrraError
from flowrra_django.management.as_json import as_json
from flowrra_django.management.checking import check
from flowrra_django.management.choosing import (
    ACTS,
    BY,
    YES,
    Act,
    add_choice,
    add_yes,
    ask,
    count,
    filters_of,
    seconds,
)
from flowrra_django.worker.supervisor import MISCONFIGURED

PRUNED_AT_ONCE = 1000
MOST_WAITED = 300.0
UNHEALTHY = 1


class Command(BaseCommand):
    requires_system_checks = ()  # run by handle(), for an exit code of its own
    help = (
        "Show queues, workers, tasks and jobs; retry, cancel, hurry and delete jobs, one or many; "
        "probe the health."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        known = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        add = partial(_add, known)
        add("status", "what is wrong, in words, and the queues and workers")
        add("queues", "what waits on each queue, and how many workers serve it")
        add("workers", "the workers, and when they were last heard of")
        add("tasks", "the tasks that this site has registered")
        add("show", "one job, with all that is known of it").add_argument("id", nargs=1)
        add_choice(add("cancel", "let waiting jobs not run, and stop running ones"), ACTS["cancel"])
        add_choice(add("retry", "run jobs that have ended again"), ACTS["retry"])
        add_choice(add("run", "let waiting jobs run now, and before others"), ACTS["run"])
        add_choice(add("delete", "forget jobs that do not run"), ACTS["delete"])
        purge = add("purge", "cancel all that waits on a queue")
        purge.add_argument("queue", metavar="QUEUE")
        add_yes(purge)
        add("pause", "have workers start no more jobs of queues", many="QUEUE")
        add("resume", "let workers start jobs of queues again", many="QUEUE")
        add("prune", "delete jobs that ended a while ago").add_argument(
            "--older-than",
            type=seconds,
            metavar="SECONDS",
            help="Default: the TTL of the settings.",
        )
        add("health", "exit with 1, and say why, if something is wrong").add_argument(
            "--max-wait",
            type=float,
            default=MOST_WAITED,
            metavar="SECONDS",
            help=f"How long a job may wait. Default: {MOST_WAITED:g}.",
        )

    def handle(self, *, what: str, **options: Any) -> None:
        check(self)
        try:
            getattr(self, f"_{what}")(self._site(), options)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=MISCONFIGURED) from error
        except FlowrraError as error:
            raise CommandError(str(error)) from error

    def _site(self) -> Site:
        timeout = runtime.get_config().executor.heartbeat_timeout
        return Site(runtime.registry, runtime.get_stores(), timeout)

    # What goes on

    def _status(self, site: Site, options: dict[str, Any]) -> None:
        queues, workers = _tables(site)
        troubles = site.troubles(MOST_WAITED, queues, workers)
        tables = {"queues": queues, "workers": workers}
        if options["json"]:
            self._tell_json({"troubles": troubles, **tables})
            return
        shown = (as_table(rows, name) for name, rows in tables.items())
        self.stdout.write("\n\n".join(["\n".join(troubles) or "Nothing is wrong.", *shown]))

    def _queues(self, site: Site, options: dict[str, Any]) -> None:
        self._tell("queues", site.queues(site.running()), options)

    def _workers(self, site: Site, options: dict[str, Any]) -> None:
        self._tell("workers", site.workers(site.running()), options)

    def _tasks(self, site: Site, options: dict[str, Any]) -> None:
        self._tell("tasks", site.tasks(), options)

    def _show(self, site: Site, options: dict[str, Any]) -> None:
        (task_id,) = options["id"]
        try:
            job = runtime.get_masker().result(site.stores.result(task_id)).to_dict()
        except ValueError as error:
            raise CommandError(f"The record of job {task_id} is malformed: {error}") from error
        if options["json"]:
            self._tell_json(job)
            return
        known = {name: value for name, value in job.items() if value not in (None, "", (), {})}
        width = max(map(len, known))
        self.stdout.write("\n".join(f"{n:<{width}}  {value}" for n, value in known.items()))

    def _health(self, site: Site, options: dict[str, Any]) -> None:
        troubles = site.troubles(options["max_wait"], *_tables(site))
        if options["json"]:
            self._tell_json({"healthy": not troubles, "troubles": troubles})
        elif not troubles:
            self.stdout.write("Nothing is wrong.")
        if troubles:
            raise CommandError("\n".join(troubles), returncode=UNHEALTHY)

    # What to do

    def _cancel(self, site: Site, options: dict[str, Any]) -> None:
        self._change(partial(site.stores.cancel, by=BY), ACTS["cancel"], options)

    def _retry(self, site: Site, options: dict[str, Any]) -> None:
        self._change(site.stores.retry, ACTS["retry"], options)

    def _run(self, site: Site, options: dict[str, Any]) -> None:
        self._change(site.stores.run_now, ACTS["run"], options)

    def _delete(self, site: Site, options: dict[str, Any]) -> None:
        self._change(site.stores.delete, ACTS["delete"], options)

    def _purge(self, site: Site, options: dict[str, Any]) -> None:
        queue = options["queue"]
        self._say(f"{waits(site.waiting(queue), queue)}.", options)
        ask(self.stdout, "Type the name of the queue to cancel them: ", {queue}, options)
        purged = purge_queue(queue, by=BY)
        self._say(f"Cancelled: {_jobs(purged)}.", options)
        if options["json"]:
            self._tell_json({"purged": purged})

    def _pause(self, site: Site, options: dict[str, Any]) -> None:
        self._set(site, site.stores.backend.pause, options)

    def _resume(self, site: Site, options: dict[str, Any]) -> None:
        self._set(site, site.stores.backend.resume, options)

    def _set(self, site: Site, change: Callable[[str], None], options: dict[str, Any]) -> None:
        for queue in options["names"]:
            change(queue)
        paused = sorted(site.stores.backend.paused())
        if options["json"]:
            self._tell_json({"paused": paused})
        else:
            self.stdout.write(f"Paused: {', '.join(paused)}." if paused else "No queue is paused.")

    def _prune(self, site: Site, options: dict[str, Any]) -> None:
        backend = runtime.get_config().backend
        age = options["older_than"]
        if age is None:
            age = backend.ttl if backend else None
        if age is None:
            raise CommandError("The settings keep results for ever. Say --older-than SECONDS.")
        total = pruned = site.stores.backend.prune(age, PRUNED_AT_ONCE)
        while pruned == PRUNED_AT_ONCE:
            pruned = site.stores.backend.prune(age, PRUNED_AT_ONCE)
            total += pruned
        if options["json"]:
            self._tell_json({"pruned": total})
        else:
            self.stdout.write(f"Deleted {total} jobs that ended more than {age:g} s ago.")

    def _change(
        self, change: Callable[[Sequence[str]], set[str]], act: Act, options: dict[str, Any]
    ) -> None:
        """Change the jobs with these ids by `change`, or the many that are described by `act`."""
        filters = filters_of(options)
        if filters:
            self._change_many(act, filters, options)
            return
        ids = options["names"]
        changed = change(ids)
        left = [task_id for task_id in ids if task_id not in changed]
        if options["json"]:
            self._tell_json({"changed": sorted(changed), "left": left})
        elif changed:
            self.stdout.write(f"{act.done}: {', '.join(i for i in ids if i in changed)}.")
        if left:
            raise CommandError(f"Not there, or in no state for that: {', '.join(left)}.")

    def _change_many(self, act: Act, filters: dict[str, Any], options: dict[str, Any]) -> None:
        found = count(act, filters)
        self._say(f"Chosen: {_jobs(found)}.", options)
        if found:
            ask(self.stdout, f"{act.question} [y/N] ", YES, options)
        changed = act.change(**filters) if found else 0
        self._say(f"{act.done}: {_jobs(changed)}.", options)
        if options["json"]:
            self._tell_json({"found": found, "changed": changed})

    # How it is told

    def _tell(self, name: str, rows: list[Row], options: dict[str, Any]) -> None:
        if options["json"]:
            self._tell_json(rows)
        else:
            self.stdout.write(as_table(rows, name))

    def _say(self, words: str, options: dict[str, Any]) -> None:
        if not options["json"]:
            self.stdout.write(words)

    def _tell_json(self, told: Any) -> None:
        self.stdout.write(as_json(told))


def _tables(site: Site) -> tuple[list[Row], list[Row]]:
    """Return what there is to tell of queues and of workers."""
    running = site.running()
    return site.queues(running), site.workers(running)


def as_table(rows: list[Row], name: str) -> str:
    """Return rows as text, each column as wide as it has to be."""
    if not rows:
        return f"No {name}."
    lines = [list(rows[0]), *([_shown(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _jobs(number: int) -> str:
    return f"{number} job{'s' * (number != 1)}"


def _add(known: Any, name: str, about: str, *, many: str = "") -> CommandParser:
    parser: CommandParser = known.add_parser(name, help=about, description=about)
    parser.add_argument("--json", action="store_true", help="Tell it as JSON.")
    if many:
        parser.add_argument("names", nargs="+", metavar=many)
    return parser


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.1f} s" if isinstance(value, float) else str(value)
