"""What the command line says of queues: which to serve, and how they share a worker's slots."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Sequence

from ..engine.turns import Shares
from ..exceptions import ConfigurationError

MOST = 10_000
WEIGHTED = re.compile(r"(.+)=(-?[0-9.]+)", re.DOTALL)


def queues(text: str) -> list[str]:
    """Return the queues that one `--queue` gives, with commas between them; for argparse."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise ArgumentTypeError("a queue has no name. Write one, or several: high,low")
    return found


def shared(given: Sequence[str], *, is_strict: bool) -> Shares:
    """Return the shares of queues that were given as NAME or NAME=WEIGHT.

    With a weight for any of them, those without one have 1. Raises ConfigurationError for what is
    no weight, for two weights of a queue, and for weights of queues that are in strict order.
    """
    found: dict[str, int] = {}
    for name, weight in map(_split, given):
        if found.setdefault(name, weight) != weight:
            raise ConfigurationError(f"Queue {name!r} is given twice. Leave out one of them.")
    if is_strict and any(found.values()):
        raise ConfigurationError("Queues have weights or a strict order. Leave out one of them.")
    if is_strict and not found:
        raise ConfigurationError(
            "A strict order needs queues: --strict --queue first --queue then."
        )
    weights = {name: weight or 1 for name, weight in found.items() if any(found.values())}
    return Shares(queues=tuple(found), is_strict=is_strict, weights=weights)


def _split(given: str) -> tuple[str, int]:
    """Return a queue's name and weight; 0 if none is given."""
    match = WEIGHTED.fullmatch(given)
    if match is None:
        return given, 0
    name, weight = match.groups()
    if not (weight.isdigit() and 1 <= int(weight) <= MOST):
        raise ConfigurationError(
            f"The weight of queue {name!r} is a whole number from 1 to {MOST}, got {weight}."
        )
    return name, int(weight)
