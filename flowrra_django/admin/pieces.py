"""Pieces of the pages, as HTML in which everything that came from a job is escaped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from .moments import aware, now
from .words import ago

SHORT_CHARS = 80
OPEN_CHARS = 2_000
OPEN_LINES = 25
SHOWN_CHARS = 100_000
TOO_DEEP = "This is nested too deeply to be shown."


def badge(status: str) -> SafeString:
    return format_html('<span class="flowrra-status flowrra-{0}">{0}</span>', status)


def dotted(name: str) -> SafeString:
    """Show a dotted name, which may be broken after its dots."""
    return format_html_join(SafeString(".<wbr>"), "{}", ((part,) for part in name.split(".")))


def time_of(moment: datetime | None) -> SafeString | None:
    """Show a moment to the second, in the reader's time zone; the rest appears on hovering."""
    if moment is None:
        return None
    local = timezone.localtime(aware(moment))
    pattern = "%d %b %H:%M:%S" if local.year == now().year else "%d %b %Y %H:%M:%S"
    return format_html(
        '<time datetime="{}" title="{}" class="flowrra-time">{}</time>',
        local.isoformat(),
        f"{local:%Y-%m-%d %H:%M:%S %Z}, {ago(local, now())}",
        f"{local:{pattern}}",
    )


def time_in_full(moment: datetime | None) -> SafeString | None:
    """Show a moment to the millisecond, with its time zone and how long ago it was."""
    if moment is None:
        return None
    local = timezone.localtime(aware(moment))
    shown = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local:%Z}"
    return format_html(
        '<time datetime="{}">{}</time> ({})', local.isoformat(), shown, ago(local, now())
    )


def json_of(raw: str, mask: Callable[[Any], Any]) -> SafeString:
    """Show JSON text, spread over lines if it is not short; text that is no JSON as it stands.

    `mask` is given the value, and returns what may be seen of it.
    """
    try:
        value = orjson.loads(raw)
    except ValueError:
        return text_of(raw)
    try:
        seen = mask(value)
        short = orjson.dumps(seen).decode()
        spread = orjson.dumps(seen, option=orjson.OPT_INDENT_2).decode()
    except (RecursionError, TypeError):  # nobody knows what is in there
        return text_of(TOO_DEEP)
    if len(short) <= SHORT_CHARS:
        return format_html('<code class="flowrra-code">{}</code>', short)
    return text_of(spread)


def text_of(text: str) -> SafeString:
    """Show text with its lines, folded if there are many, and cut if there are far too many."""
    shown = format_html(
        '<pre class="flowrra-text" tabindex="0">{}</pre>{}', text[:SHOWN_CHARS], _cut(text)
    )
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
