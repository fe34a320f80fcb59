"""What a worker shows of itself on the terminal: where its jobs are, its slots, its log."""

from __future__ import annotations

import logging
from typing import Any

from ..config import Config
from ..rules import masked

LEVELS = {0: logging.WARNING, 1: logging.INFO}


def in_order(options: dict[str, Any]) -> str:
    return ", in this order" if options["strict"] else ""


def described(config: Config, of: str = "") -> list[str]:
    """Return lines that say where jobs are kept, and how many `of` a worker run at once."""
    slots = config.executor
    return [
        f"  ledger  {masked(config.backend.url) if config.backend else 'memory'}",
        f"  broker  {masked(config.broker.url) if config.broker else 'memory'}",
        (
            f"  slots   {of}{slots.io_workers} coroutines, {slots.thread_workers} threads, "
            f"{slots.cpu_workers} processes"
        ),
    ]


def show_logs(verbosity: int, label: str = "") -> None:
    """Show this package's log lines on stderr, unless the site's own LOGGING shows them."""
    logger = logging.getLogger("flowrra_django")
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(f"%(asctime)s {label}%(levelname)-7s %(message)s"))
        logger.addHandler(handler)
    if logger.level == logging.NOTSET:
        logger.setLevel(LEVELS.get(verbosity, logging.DEBUG))
