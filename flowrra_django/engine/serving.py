"""What a consumer is to do."""

from __future__ import annotations

from dataclasses import dataclass

from ..job import Kind, Lane
from ..retry import Limits
from .turns import ALIKE, Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a consumer serves: lanes of one kind, how many jobs at once, the defaults of tasks.

    `shares` is how the queues share the slots. A job that has waited longer than `ageing` seconds
    may go before others; None: never.
    """

    kind: Kind
    queues: tuple[str, ...]
    slots: int
    defaults: Limits
    shares: Shares = ALIKE
    ageing: float | None = None

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return tuple(Lane(queue, self.kind) for queue in self.queues)
