"""What a consumer is to do."""

from __future__ import annotations

from dataclasses import dataclass

from ..job import Kind, Lane
from ..retry import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a consumer serves: lanes of one kind, how many jobs at once, the defaults of tasks."""

    kind: Kind
    queues: tuple[str, ...]
    slots: int
    defaults: Limits

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return tuple(Lane(queue, self.kind) for queue in self.queues)
