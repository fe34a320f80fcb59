"""`manage.py runflowrra`: run a worker."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, SystemCheckError
from django.db import connections

from flowrra_django import __version__, runtime
from flowrra_django.config import BrokerConfig, Config
from flowrra_django.exceptions import ConfigurationError
from flowrra_django.management.reloading import Reloading
from flowrra_django.runners.thread import THREAD_PREFIX
from flowrra_django.worker.process import Worker

SIGNALS = (signal.SIGTERM, signal.SIGINT)
MISCONFIGURED = 2
LEVELS = {0: logging.WARNING, 1: logging.INFO}


class Command(BaseCommand):
    help = "Run background jobs until told to stop (SIGTERM or Ctrl-C)."
    requires_system_checks = ()  # run by handle(), for an exit code of its own

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queue",
            action="append",
            default=[],
            metavar="NAME",
            help="Serve this queue only; may be given several times. Default: every queue.",
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
            "--reload", action="store_true", help="Start anew when the code changes."
        )

    def handle(self, **options: Any) -> None:
        if options["reload"]:
            reloading = Reloading()
            reloading.run(lambda: self._run(options, reloading.watch))
        else:
            self._run(options, lambda _: None)
            leave()

    def _run(self, options: dict[str, Any], announce: Callable[[Worker], None]) -> None:
        show_logs(options["verbosity"])
        self._check()
        worker = self._worker(options)
        announce(worker)
        self._introduce(worker)
        asyncio.run(run_until_told(worker, burst=options["burst"]))
        self.stdout.write(f"Stopped. {worker.settled} runs ended here.")

    def _check(self) -> None:
        try:
            self.check()
        except SystemCheckError as error:
            raise CommandError(str(error), returncode=MISCONFIGURED) from error

    def _worker(self, options: dict[str, Any]) -> Worker:
        try:
            config = configured(runtime.get_config(), options)
            stores = runtime.stores_of(config)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=MISCONFIGURED) from error
        if missing := runtime.missing_tables(config):
            raise CommandError(
                f"The database has no table {missing[0]}. Run 'manage.py migrate' first.",
                returncode=MISCONFIGURED,
            )
        hooks = runtime.worker_hooks()
        return Worker(
            config, runtime.registry, stores, hooks, queues=options["queue"], version=__version__
        )

    def _introduce(self, worker: Worker) -> None:
        config = worker.config
        slots = config.executor
        served = ", ".join(worker.queues)
        tasks = len(runtime.registry)
        lines = (
            f"flowrra_django {__version__}, worker {worker.presence.worker_id}, pid {os.getpid()}",
            f"  ledger  {config.backend.url if config.backend else 'memory'}",
            f"  queues  {served}" + (" and every other one" if worker.serves_all else ""),
            f"  tasks   {tasks} known",
            (
                f"  slots   {slots.io_workers} coroutines, {slots.thread_workers} threads, "
                f"{slots.cpu_workers} processes"
            ),
            "Ready. Ctrl-C or SIGTERM drains; a second one stops at once.",
        )
        self.stdout.write("\n".join(lines))


def configured(config: Config, options: dict[str, Any]) -> Config:
    """Return the config with what the command line says instead."""
    names = ("io_workers", "thread_workers", "cpu_workers")
    given = {name: options[name] for name in names if options[name] is not None}
    config = replace(config, executor=replace(config.executor, **given))
    if options["database"] is None or config.backend is None:
        return config
    url = f"django://{options['database']}"
    return replace(config, broker=BrokerConfig(url), backend=replace(config.backend, url=url))


def show_logs(verbosity: int) -> None:
    """Show this package's log lines on stderr, unless the site's own LOGGING shows them."""
    logger = logging.getLogger("flowrra_django")
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
        logger.addHandler(handler)
    if logger.level == logging.NOTSET:
        logger.setLevel(LEVELS.get(verbosity, logging.DEBUG))


async def run_until_told(worker: Worker, *, burst: bool) -> None:
    """Run the worker, draining on a first signal and stopping on a second."""
    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, worker.ask)
    await worker.run(burst=burst)


def leave() -> None:
    """End the process, even if threads still run jobs: those were given back."""
    left = [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_PREFIX)]
    if not any(thread.is_alive() for thread in left):
        return
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
