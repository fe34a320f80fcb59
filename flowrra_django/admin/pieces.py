"""Pieces of the pages, as HTML in which everything that came from a job is escaped."""

from __future__ import annotations

from datetime import datetime

import orjson
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .words import ago, aware

SHORT_CHARS = 80
OPEN_CHARS = 2_000
OPEN_LINES = 25
SHOWN_CHARS = 100_000


def badge(status: str) -> SafeString:
    return format_html('<span class="flowrra-status flowrra-{0}">{0}</span>', status)


def time_of(moment: datetime | None) -> SafeString | None:
    """Show a moment to the second in the reader's time zone; the rest appears on hovering."""
    if moment is None:
        return None
    local, now = timezone.localtime(aware(moment)), timezone.now()
    return format_html(
        '<time datetime="{}" title="{}" class="flowrra-time">{}</time>',
        local.isoformat(),
        f"{local:%Z}, {ago(local, now)}",
        f"{local:%Y-%m-%d %H:%M:%S}",
    )


def time_in_full(moment: datetime | None) -> SafeString | None:
    """Show a moment to the millisecond, with its time zone and how long ago it was."""
    if moment is None:
        return None
    local, now = timezone.localtime(aware(moment)), timezone.now()
    shown = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local:%Z}"
    return format_html(
        '<time datetime="{}">{}</time> ({})', local.isoformat(), shown, ago(local, now)
    )


def json_of(raw: str) -> SafeString:
    """Show JSON text, spread over lines if it is not short; text that is no JSON as it stands."""
    try:
        value = orjson.loads(raw)
        short = orjson.dumps(value).decode()
        spread = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except (TypeError, ValueError):  # no JSON, or nested deeper than can be written
        return text_of(raw)
    if len(short) <= SHORT_CHARS:
        return format_html('<code class="flowrra-code">{}</code>', short)
    return text_of(spread)


def text_of(text: str) -> SafeString:
    """Show text with its lines, folded if there are many, and cut if there are far too many."""
    shown = format_html('<pre class="flowrra-text">{}</pre>{}', text[:SHOWN_CHARS], _cut(text))
    if len(text) <= OPEN_CHARS and text.count("\n") < OPEN_LINES:
        return shown
    return fold(f"{len(text):,} characters: {' '.join(text[:SHORT_CHARS].split())} …", shown)


def fold(summary: str, content: SafeString) -> SafeString:
    return format_html(
        '<details class="flowrra-fold"><summary>{}</summary>{}</details>', summary, content
    )


def _cut(text: str) -> SafeString | str:
    if len(text) <= SHOWN_CHARS:
        return ""
    left_out = f"{len(text) - SHOWN_CHARS:,} more characters are not shown."
    return format_html('<p class="help">{}</p>', left_out)
