"""Which jobs the admin asks for, and how indexes tell of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ...results import TaskStatus
from . import sql
from .engine import Engine
from .selecting import Check, Clause
from .walks import Condition

ID = "task_id = %s"
WITHIN = (("finished_at >= %s", "ended_from"), ("finished_at < %s", "ended_until"))


class Span(NamedTuple):
    """Keys from the first one up to, but without, the one after the last; None: to the end."""

    start: int = 0
    stop: int | None = None

    @property
    def clause(self) -> str:
        """What else is asked of jobs that are walked along."""
        stop = "" if self.stop is None else f" AND id < {self.stop}"
        return f" AND id >= {self.start}{stop}" if self.start or stop else ""


EVERYWHERE = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which jobs to find; None for any. Moments are aware.

    `worker` is the one that runs them, or was the last to. `is_retried`: whether they were tried
    more than once. `but` is a task whose jobs are not meant. Jobs were submitted, and ended, from a
    moment on, and before another. With `last` and `seen_at` they are those of that time: no job
    whose key is greater has come yet, nor has any ended after that moment.
    """

    task_id: str | None = None
    names: tuple[str, ...] | None = None
    queue: str | None = None
    status: str | None = None
    worker: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ended_from: datetime | None = None
    ended_until: datetime | None = None
    is_retried: bool = False
    but: str | None = None
    last: int | None = None
    seen_at: datetime | None = None

    def walks(self, span: Span) -> list[Condition]:
        """Return what is asked for and an index tells; what is likely to be narrow comes first."""
        within = span.clause
        runner = self.worker if self.status == TaskStatus.RUNNING else None
        running = f"status = 'running' AND worker = %s{within}"
        asked = [
            Condition(sql.TABLE, ID, _given(self.task_id)),
            Condition("{by_worker}", running, _given(runner)),
            Condition("{by_task}", f"task_name = %s{within}", self.names or ()),
            Condition("{by_queue}", f"queue = %s{within}", _given(self.queue)),
            Condition("{by_status}", f"status = %s{within}", _given(self.status)),
        ]
        walks = [condition for condition in asked if condition.parameters]
        return walks or [Condition(sql.TABLE, f"id >= %s{within}", (span.start,))] * bool(within)

    def checks(self) -> list[Condition]:
        """Return what else is asked for: no index tells which jobs meet it."""
        retried = (1,) if self.is_retried else ()
        asked = (
            Condition(sql.TABLE, "{unindexed}worker = %s", _given(self.worker)),
            Condition(sql.TABLE, "attempts > %s", retried),
            Condition(sql.TABLE, "task_name <> %s", _given(self.but)),
        )
        return [condition for condition in asked if condition.parameters]

    @property
    def is_of_an_end(self) -> bool:
        """Whether it is asked for when jobs ended."""
        return self.ended_from is not None or self.ended_until is not None

    def ended(self, engine: Engine, index: str = "", span: Span = EVERYWHERE) -> Condition:
        """Return that jobs ended within the time, along the index on it or each by itself."""
        bounds = [(part, moment) for part, name in WITHIN if (moment := getattr(self, name))]
        asked = " AND ".join(["finished_at IS NOT NULL", *(part for part, _ in bounds)])
        asked += span.clause
        parameters = tuple(engine.parameter(moment) for _, moment in bounds)
        return Condition(index or sql.TABLE, asked, parameters, is_range=True)

    def asked_in_steps(
        self, engine: Engine, states: Collection[TaskStatus]
    ) -> tuple[list[Check], list[Clause]]:
        """Return what is asked of each job that is in one of some states."""
        wanted = [state.value for state in states if self.status in {None, state}]
        equal = {"task_name": self.names, "queue": _given(self.queue) or None, "status": wanted}
        checks = [Check(column, each) for column, each in equal.items() if each is not None]
        others = [*self.checks(), *[self.ended(engine)] * self.is_of_an_end]
        clauses = [Clause(each.asked, each.parameters) for each in others]
        if self.seen_at is not None:
            seen_at = engine.parameter(self.seen_at)
            clauses.append(Clause("(finished_at IS NULL OR finished_at <= %s)", (seen_at,)))
        return checks, clauses


def _given(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)
