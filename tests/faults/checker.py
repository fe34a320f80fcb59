"""The one checker: what the journal and the ledger say together of every job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .journal import Run

SETTLE_SECONDS = 2.0  # from a job's end to the ledger, and ten times as long as it takes
FINAL = frozenset({"success", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Harm:
    """What was done to a worker, and from when to when, by the clock of this machine."""

    worker: int
    began: float
    ended: float

    def excuses(self, run: Run) -> bool:
        """Whether the run may have been cut off before its outcome reached the ledger."""
        if self.worker != run.worker or run.ended is None:
            return False
        return self.began <= run.ended + SETTLE_SECONDS and self.ended >= run.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to become of a job: final with this status, after so many starts at most."""

    status: tuple[str, ...] = ("success",)
    error_type: str = ""
    most_starts: int | None = None
    most_attempts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many jobs were lost, stuck or doubled; how many ran twice as they may; what else."""

    jobs: int
    kills: int
    lost: int
    stuck: int
    doubled: int
    again: int
    others: Counter[str] = field(default_factory=Counter)

    @property
    def complaints(self) -> str:
        counts = {"lost": self.lost, "stuck": self.stuck, "doubled": self.doubled, **self.others}
        return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


class BrokenPromiseError(AssertionError):
    """The checker found something."""


def judge(
    wanted: Mapping[int, Wanted],
    states: Mapping[int, Mapping[str, Any]],
    runs: Mapping[int, Sequence[Run]],
    harms: Sequence[Harm],
    others: Counter[str],
) -> Verdict:
    """Count, over the jobs that were enqueued, by their keys."""
    counts: Counter[str] = Counter()
    for key, want in wanted.items():
        counts.update(_judge_one(want, states.get(key), runs.get(key, ()), harms))
    known = {word: counts.pop(word, 0) for word in ("lost", "stuck", "doubled", "again")}
    return Verdict(jobs=len(wanted), kills=len(harms), others=others + counts, **known)


def _judge_one(
    want: Wanted, state: Mapping[str, Any] | None, runs: Sequence[Run], harms: Sequence[Harm]
) -> list[str]:
    ended = [run for run in runs if run.ended is not None]
    unexcused = [run for run in ended[:-1] if not any(harm.excuses(run) for harm in harms)]
    starts = len(runs) if want.most_starts is None else want.most_starts
    findings = {
        "lost": state is None
        or (state["status"] in FINAL and not _is_as_wanted(want, state, ended)),
        "stuck": state is not None and state["status"] not in FINAL,
        "doubled": bool(unexcused) or len(runs) > starts,
        "again": len(ended) > 1 and not unexcused,
        "with attempts used up": _has_used_up(want, state),
    }
    return [word for word, is_so in findings.items() if is_so]


def _is_as_wanted(want: Wanted, state: Mapping[str, Any], ended: Sequence[Run]) -> bool:
    if state["status"] not in want.status:
        return False
    if state["status"] == "success":
        return bool(ended)
    return (state["error_type"] or "").endswith(want.error_type)


def _has_used_up(want: Wanted, state: Mapping[str, Any] | None) -> bool:
    if state is None or want.most_attempts is None:
        return False
    return state["attempts"] > want.most_attempts or bool(state["crashes"])
