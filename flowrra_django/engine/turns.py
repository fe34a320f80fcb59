"""How the queues of a worker share its slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..brokers.base import Turn
from ..job import Job, Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Which queues a worker serves, and how they share its slots. Without a name it serves all.

    Priority and arrival decide over all of them, unless they are in strict order, when nothing of
    a queue is begun while something of one before it waits; or have weights: of so many jobs so
    many are of each queue, as long as all have some, and what one does not need others get.
    """

    queues: tuple[str, ...] = ()
    is_strict: bool = False
    weights: Mapping[str, int] = field(default_factory=dict)


ALIKE = Shares()


class Turns:
    """When the next job of each queue comes, by weights: the more were taken, the later.

    `_leads` is by how much a queue that was taken from is ahead of where the others are. One that
    had nothing to take is where the others are, so that nobody saves turns up.
    """

    def __init__(self, shares: Shares) -> None:
        order = shares.queues if shares.is_strict else ()
        self._ranks = {queue: float(rank) for rank, queue in enumerate(order)}
        self._steps = {queue: 1 / weight for queue, weight in shares.weights.items()}
        self._leads: dict[str, float] = {}

    def of(self, lanes: Collection[Lane]) -> dict[Lane, Turn]:
        """Return the turns of lanes of one kind; nothing where priority alone decides."""
        if self._ranks:
            return {
                lane: Turn(self._ranks.get(lane.queue, float(len(self._ranks)))) for lane in lanes
            }
        if self._steps:
            return {lane: self._turn(lane.queue) for lane in lanes}
        return {}

    def note(self, jobs: Sequence[Job]) -> None:
        """Learn which jobs were taken by these turns."""
        taken = Counter(job.queue for job in jobs)
        turns = {queue: self._turn(queue) for queue in {*taken, *self._leads}}
        reached = max((turns[q].start + (taken[q] - 1) * turns[q].step for q in taken), default=0.0)
        ends = {queue: turn.start + taken[queue] * turn.step for queue, turn in turns.items()}
        self._leads = {q: end - reached for q, end in ends.items() if taken and end > reached}

    def _turn(self, queue: str) -> Turn:
        return Turn(self._leads.get(queue, 0.0), self._steps.get(queue, 1.0))
