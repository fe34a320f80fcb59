"""How one job stands, for a page's bar or another program: plain JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any

from django.utils import translation
from django.utils.translation import gettext, gettext_lazy

from .. import runtime
from ..backends.briefs import Brief

UNKNOWN = "unknown"
WORDS = {
    UNKNOWN: gettext_lazy("Waiting"),
    "pending": gettext_lazy("Waiting"),
    "retrying": gettext_lazy("Waiting"),
    "running": gettext_lazy("Running"),
    "success": gettext_lazy("Done"),
    "failed": gettext_lazy("Failed"),
    "cancelled": gettext_lazy("Cancelled"),
}
LANGUAGE = "language"
"""The query of an address that names the language of the page that it is on."""


@contextmanager
def spoken(language: str | None) -> Iterator[None]:
    """Speak a language, if the site does (`LANGUAGES`); else go on with the one in use."""
    try:
        known = translation.get_supported_language_variant(language or "")
    except LookupError:
        yield
        return
    with translation.override(known):
        yield


def id_of(job: Any) -> str:
    """Return the id of a job: of a handle, of a result of ours or Django's, or of an id itself."""
    found = getattr(job, "task_id", None) or getattr(job, "id", job)
    if not (isinstance(found, str) and found):
        raise TypeError(f"Give a job, its result or its id, not {type(job).__name__}: {job!r:.100}")
    return found


async def look(task_id: str) -> Brief | None:
    """Read how a job stands; None if it is not there."""
    stores = runtime.get_stores()
    return (await stores.run(stores.backend.briefs, [task_id])).get(task_id)


def look_now(task_id: str) -> Brief | None:
    """Do what `look` does, from sync code."""
    return runtime.get_stores().backend.briefs([task_id]).get(task_id)


def state_of(brief: Brief | None) -> dict[str, Any]:
    """Return `status`, `final`, `done`, `total`, `message`, and what a bar shows of them.

    The status is that of the job, or "unknown" if it is not there: not yet, or not any more.
    `done` and `total` are null unless the job tells them; `percent` is null while nobody can tell.
    `words` say the status, `detail` the rest, in the language in use.
    """
    status = UNKNOWN if brief is None else brief.status.value
    told = brief.progress if brief is not None and brief.progress is not None else {}
    done, total = _number(told.get("done")), _number(told.get("total"))
    message = str(told.get("message") or "")
    return {
        "status": status,
        "final": brief is not None and brief.status.is_final,
        "done": done,
        "total": total,
        "message": message,
        "percent": _percent(status, done, total),
        "words": str(WORDS[status]),
        "detail": " · ".join(filter(None, [_counted(done, total), message])),
    }


def _percent(status: str, done: float | None, total: float | None) -> int | None:
    if status == "success":
        return 100
    if done is not None and total:
        return int(max(0.0, min(100.0, 100 * done / total)))
    return None if status == "running" else 0


def _counted(done: float | None, total: float | None) -> str:
    if done is None:
        return ""
    if total is None:
        return written(done)
    return gettext("%(done)s of %(total)s") % {"done": written(done), "total": written(total)}


def written(number: float) -> str:
    """Return a number as people write it."""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


def _number(value: object) -> float | None:
    """Return a number as it is; of what is none, nothing."""
    return value if isinstance(value, int | float) and isfinite(value) else None
