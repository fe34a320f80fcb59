"""What a job went through, as a bar: delayed, waited, ran, waited, ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ..models import TaskRecord
from ..results import FINAL, TaskStatus
from .moments import aware
from .words import duration

WIDTH, HEIGHT = 1_000, 24
NAMES = {"delayed": "delayed", "waited": "waited", "ran": "ran", "failed": "ran, and failed"}


class Span(NamedTuple):
    """A part of the way: its kind, one of NAMES, and when it began and ended."""

    kind: str
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


def spans_of(record: TaskRecord, now: datetime) -> list[Span]:
    """Return all that is known of the way, in order; what goes on still ends now."""
    at = aware(record.submitted_at)
    spans: list[Span] = []
    if record.run_after and aware(record.run_after) > at:
        due = min(aware(record.run_after), now)
        spans, at = [Span("delayed", at, due)], due
    for run in _runs(record, now):
        spans += [Span("waited", at, run.start), run]
        at = run.end
    if record.status not in FINAL and record.status != TaskStatus.RUNNING:
        spans.append(Span("waited", at, now))
    return [span for span in spans if span.length > timedelta(0)]


def drawn(spans: Sequence[Span]) -> SafeString:
    """Draw spans as a bar, with what they come to in words below."""
    start, end = spans[0].start, spans[-1].end
    scale = WIDTH / max((end - start).total_seconds(), 1e-6)
    bars = format_html_join(
        "",
        '<rect class="flowrra-span flowrra-{}" x="{}" y="0" width="{}" height="{}">'
        "<title>{} {}</title></rect>",
        (
            (
                span.kind,
                f"{(span.start - start).total_seconds() * scale:.1f}",
                f"{max(1.0, span.length.total_seconds() * scale):.1f}",
                HEIGHT,
                NAMES[span.kind],
                duration(span.length),
            )
            for span in spans
        ),
    )
    words = ", ".join(_words(spans))
    return format_html(
        '<svg class="flowrra-timeline" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg><p class="flowrra-keys">{}</p>',
        WIDTH, HEIGHT, words, bars, _keys(spans),
    )  # fmt: skip


def _runs(record: TaskRecord, now: datetime) -> Iterator[Span]:
    """Yield the attempts of which it is known when they began, oldest first."""
    runs = [run for told in _history(record) if (run := _failed(told)) is not None]
    last = _last_run(record, now)
    if last is not None and not any(run.start >= last.start for run in runs):
        runs.append(last)
    at = aware(record.submitted_at)
    for run in sorted(runs, key=lambda run: run.start):
        if run.start >= at:  # what is not in order has somebody else's clock, or was made up
            at = max(run.end, run.start)
            yield run._replace(end=at)


def _last_run(record: TaskRecord, now: datetime) -> Span | None:
    if not (record.started_at and record.worker):  # no worker: it was cancelled while it waited
        return None
    if record.status == TaskStatus.RUNNING:
        return Span("ran", aware(record.started_at), now)
    if not record.finished_at:
        return None
    kind = "ran" if record.status == TaskStatus.SUCCESS else "failed"
    return Span(kind, aware(record.started_at), aware(record.finished_at))


def _history(record: TaskRecord) -> list[Mapping[str, Any]]:
    try:
        told = orjson.loads(record.history)
    except ValueError:
        return []
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []


def _failed(told: Mapping[str, Any]) -> Span | None:
    """Return an attempt that went wrong; one of which the end is not known ended at once."""
    try:
        start = datetime.fromisoformat(told["started_at"])
        end = datetime.fromisoformat(told.get("finished_at") or told["started_at"])
        return Span("failed", aware(start), aware(end))
    except (KeyError, TypeError, ValueError):
        return None


def _keys(spans: Sequence[Span]) -> SafeString:
    kinds = [kind for kind in NAMES if any(span.kind == kind for span in spans)]
    return format_html_join(
        " ",
        '<span class="flowrra-key flowrra-{}"></span> {}',
        zip(kinds, _words(spans), strict=True),
    )


def _words(spans: Sequence[Span]) -> list[str]:
    """Say what the spans of each kind come to."""
    told = []
    for kind, name in NAMES.items():
        lengths = [span.length for span in spans if span.kind == kind]
        if lengths:
            often = f" ({len(lengths)} times)" if len(lengths) > 1 else ""
            told.append(f"{name} {duration(sum(lengths, timedelta(0)))}{often}")
    return told
