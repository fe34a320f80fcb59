"""What is told to those who watch, and who they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..backends.briefs import Brief
from ..results import TaskStatus

MOST_TOLD = 100  # jobs in one message; of more it says that there are more


class Topic(NamedTuple):
    """What one can watch: `all` jobs, those of one `queue`, or one `job`."""

    kind: str
    name: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether it is about more than a single job."""
        return self.kind != "job"

    def covers(self, brief: Brief) -> bool:
        return self.kind == "all" or self.name == {"queue": brief.queue, "job": brief.task_id}.get(
            self.kind
        )


EVERYTHING = Topic("all")


class News(NamedTuple):
    """Jobs that have changed, as they stand now; `has_more` says that others have, too."""

    briefs: Sequence[Brief]
    has_more: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"jobs": [_plain(brief) for brief in self.briefs], "more": self.has_more}

    @classmethod
    def from_dict(cls, message: Mapping[str, Any]) -> News:
        """Read what `to_dict` returned, in this process or another; ValueError if it did not."""
        try:
            return cls([_brief(told) for told in message["jobs"]], bool(message["more"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is no news of jobs: {message!r:.200}") from error


class Pile:
    """News that nobody was told of yet: of each job only the last, and not of too many."""

    def __init__(self) -> None:
        self._briefs: dict[str, Brief] = {}
        self._has_more = False

    def __bool__(self) -> bool:
        return bool(self._briefs) or self._has_more

    def put(self, briefs: Iterable[Brief], *, has_more: bool = False) -> None:
        """Add news; what is already there of the same jobs is forgotten."""
        for brief in briefs:
            self._briefs.pop(brief.task_id, None)
            self._briefs[brief.task_id] = brief
        self._has_more = self._has_more or has_more or len(self._briefs) > MOST_TOLD
        while len(self._briefs) > MOST_TOLD:
            del self._briefs[next(iter(self._briefs))]

    def take(self) -> News:
        """Return all of it, and leave nothing."""
        news = News(list(self._briefs.values()), self._has_more)
        self._briefs, self._has_more = {}, False
        return news


def _plain(brief: Brief) -> dict[str, Any]:
    return {
        "id": brief.task_id,
        "status": brief.status.value,
        "task": brief.task_name,
        "queue": brief.queue,
        "claim": brief.claim,
        "progress": brief.progress,
    }


def _brief(told: Mapping[str, Any]) -> Brief:
    return Brief(
        told["id"],
        TaskStatus(told["status"]),
        told["task"],
        told["queue"],
        told["claim"],
        told["progress"],
    )
