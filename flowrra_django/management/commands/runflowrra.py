"""`manage.py runflowrra`: run a worker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from flowrra_django import __version__, runtime
from flowrra_django.announcing import Announcer
from flowrra_django.config import BrokerConfig, Config
from flowrra_django.engine.events import OnEvent
from flowrra_django.engine.turns import Shares
from flowrra_django.exceptions import ConfigurationError
from flowrra_django.management.checking import check
from flowrra_django.management.garbage import look_less_often
from flowrra_django.management.leaving import ask, leave
from flowrra_django.management.reloading import Reloading
from flowrra_django.management.sharing import queues, shared
from flowrra_django.management.showing import described, in_order, show_logs
from flowrra_django.management.supervising import SIGNALS, Place, supervise
from flowrra_django.worker.line import Line
from flowrra_django.worker.process import Worker
from flowrra_django.worker.retirement import Lifespan
from flowrra_django.worker.supervisor import MISCONFIGURED

HOW_TO_STOP = "Ctrl-C or SIGTERM drains; a second one stops at once."


class Command(BaseCommand):
    help = "Run background jobs until told to stop (SIGTERM or Ctrl-C)."
    requires_system_checks = ()  # run by handle(), for an exit code of its own
    _is_command_line = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queue",
            action="extend",
            type=queues,
            default=[],
            metavar="NAME[=WEIGHT]",
            help="Serve this queue only; several are given with commas, or one by one. Default: "
            "every queue. Of so many jobs begun, WEIGHT are of this one.",
        )
        parser.add_argument(
            "--strict",
            action="store_true",
            help="Begin nothing of a queue while something of one named before it waits.",
        )
        for kind, what in (
            ("io", "coroutines on the event loop"),
            ("thread", "plain functions in threads"),
            ("cpu", "CPU-bound functions in processes"),
        ):
            parser.add_argument(
                f"--{kind}-workers", type=int, metavar="N", help=f"How many {what} at once."
            )
        parser.add_argument(
            "--burst",
            action="store_true",
            help="Stop when no job is due and none waits for its retry.",
        )

        parser.add_argument(
            "--database",
            choices=tuple(connections),
            metavar="ALIAS",
            help="Run the jobs that are kept in this database, instead of the settings' one.",
        )
        parser.add_argument(
            "--processes",
            type=whole_number,
            metavar="N",
            help="Run so many workers, each in a process with slots of its own, and replace one "
            "that dies or has done its share.",
        )
        parser.add_argument(
            "--max-jobs",
            type=whole_number,
            metavar="N",
            help="Take no more jobs when so many have begun, and end after those.",
        )
        parser.add_argument(
            "--max-memory",
            type=whole_number,
            metavar="MB",
            help="The same when the worker's own process takes more memory than this.",
        )
        parser.add_argument("--supervised", metavar="NUMBER:HANDLE", help=SUPPRESS)
        parser.add_argument(
            "--reload", action="store_true", help="Start anew when the code changes."
        )

    def run_from_argv(self, argv: list[str]) -> None:
        self._is_command_line = True
        super().run_from_argv(argv)

    def handle(self, **options: Any) -> None:
        place = Place.read(options["supervised"])
        show_logs(options["verbosity"], place.label)
        if options["processes"] is not None and options["supervised"] is None:
            self._supervise(options)
        elif options["reload"]:
            reloading = Reloading()
            reloading.run(lambda: self._run(options, place, reloading.watch))
        else:
            self._run(options, place, lambda _: None)
            leave()

    def _supervise(self, options: dict[str, Any]) -> None:
        if options["reload"]:
            raise CommandError(
                "--reload goes with one process. Leave out --processes.", returncode=MISCONFIGURED
            )
        if not self._is_command_line:
            raise CommandError("--processes works on the command line only.")
        check(self)
        config, _ = self._asked_for(options)
        count = options["processes"]
        lines = [
            f"flowrra_django {__version__}, supervisor, pid {os.getpid()}",
            f"  workers {count}",
            *described(config, of="each "),
            f"  queues  {', '.join(options['queue']) or 'every one'}{in_order(options)}",
            HOW_TO_STOP,
        ]
        code = supervise(
            count,
            stop_timeout=config.executor.stop_timeout,
            burst=options["burst"],
            introduce=lambda: self._say("\n".join(lines)),
        )
        self._say("All workers have ended.")
        if code:
            sys.exit(code)

    def _run(
        self, options: dict[str, Any], place: Place, announce: Callable[[Worker], None]
    ) -> None:
        if not place.label:  # else the supervisor did
            check(self)
        announcer = Announcer(runtime.audiences)
        worker = self._worker(options, announcer.put)
        announce(worker)
        self._introduce(worker, place, options)
        if self._is_command_line:  # else the process is somebody else's too
            look_less_often()
        try:
            asyncio.run(run_until_told(worker, options, place.line))
        except ConfigurationError as error:  # of what only the server itself could tell
            raise CommandError(str(error), returncode=MISCONFIGURED) from error
        announcer.stop()
        because = f", since {worker.retirement.reason}" if worker.retirement.is_due else ""
        self._say(f"{place.label}Stopped{because}. Runs that ended here: {worker.settled}.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _asked_for(self, options: dict[str, Any]) -> tuple[Config, Shares]:
        try:
            config = configured(runtime.get_config(), options)
            shares = shared(options["queue"], is_strict=options["strict"])
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=MISCONFIGURED) from error
        if missing := runtime.missing_tables(config):
            raise CommandError(
                f"The database has no table {missing[0]}. Run 'manage.py migrate' first.",
                returncode=MISCONFIGURED,
            )
        return config, shares

    def _worker(self, options: dict[str, Any], on_event: OnEvent) -> Worker:
        config, shares = self._asked_for(options)
        try:
            stores = runtime.stores_of(config)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=MISCONFIGURED) from error
        hooks = runtime.worker_hooks(on_event)
        return Worker(config, runtime.registry, stores, hooks, shares=shares, version=__version__)

    def _introduce(self, worker: Worker, place: Place, options: dict[str, Any]) -> None:
        name = f"worker {worker.presence.worker_id}, pid {os.getpid()}"
        if place.label:
            self._say(f"{place.label}{name}")
            return
        served = ", ".join(options["queue"] or worker.queues)
        lines = [
            f"flowrra_django {__version__}, {name}",
            *described(worker.config),
            f"  queues  {served}"
            + (" and every other one" if worker.serves_all else "")
            + in_order(options),
            f"  tasks   {len(runtime.registry)} known",
            f"Ready. {HOW_TO_STOP}",
        ]
        self._say("\n".join(lines))


def whole_number(text: str) -> int:
    """Return what an option of 1 or more says."""
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is less than 1")
    return number


def configured(config: Config, options: dict[str, Any]) -> Config:
    """Return the config with what the command line says instead."""
    names = ("io_workers", "thread_workers", "cpu_workers")
    given = {name: options[name] for name in names if options[name] is not None}
    config = replace(config, executor=replace(config.executor, **given))
    if options["database"] is None or config.backend is None:
        return config
    url = f"django://{options['database']}"
    return replace(config, broker=BrokerConfig(url), backend=replace(config.backend, url=url))


async def run_until_told(worker: Worker, options: dict[str, Any], line: Line) -> None:
    """Run the worker, draining on a first signal and stopping on a second."""
    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, ask, worker.ending)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # a supervisor holds Ctrl-C back
    lifespan = Lifespan(max_jobs=options["max_jobs"], max_memory=options["max_memory"])
    await worker.run(burst=options["burst"], lifespan=lifespan, line=line)
