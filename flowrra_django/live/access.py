"""Who may open a socket."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.utils.http import is_same_domain

from ..conf import trusted_origins

Scope = Any  # a dict of ASGI's, of which type-checkers know too much, or too little

PERMISSION = "flowrra_django.view_taskrecord"
NOT_LOGGED_IN, FORBIDDEN = 4401, 4403
"""Codes with which a socket is closed. Who gets one need not come back."""

PORTS = {"http": 80, "https": 443}


def is_foreign(scope: Scope) -> bool:
    """Whether a page of another site opens the socket, or the site is called by a wrong name.

    The page's origin is the host that was asked, or one of CSRF_TRUSTED_ORIGINS. Programs that are
    no browser send none.
    """
    request = ASGIRequest({**scope, "method": "GET"}, BytesIO())
    try:
        host = request.get_host()
    except DisallowedHost:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and not _is_ours(origin, host)


def has_origin(scope: Scope) -> bool:
    """Whether it is a browser's."""
    return any(name == b"origin" for name, _ in scope["headers"])


async def refusal_of(scope: Scope) -> int | None:
    """Return the code that says why the user may not watch all jobs; None if he may.

    The session is read anew, so that one who has logged out meanwhile is known.
    """
    session = scope["session"]
    user: Any = await get_user({"session": session.__class__(session.session_key)})  # type: ignore[typeddict-item]
    if not user.is_authenticated:
        return NOT_LOGGED_IN
    is_allowed = user.is_staff and await database_sync_to_async(user.has_perm)(PERMISSION)
    return None if is_allowed else FORBIDDEN


def _is_ours(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
        port = parts.port or PORTS.get(parts.scheme)
        asked = urlsplit(f"//{host}")
        asked_port = asked.port or PORTS.get(parts.scheme)
    except ValueError:
        return False
    if parts.hostname and (parts.hostname, port) == (asked.hostname, asked_port):
        return True
    return any(_fits(parts.scheme, parts.netloc, trusted) for trusted in trusted_origins())


def _fits(scheme: str, netloc: str, trusted: str) -> bool:
    wanted = urlsplit(trusted)
    return scheme == wanted.scheme and is_same_domain(netloc, wanted.netloc.lstrip("*"))
