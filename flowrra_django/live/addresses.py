"""Where the sockets are, below the site's root."""

from __future__ import annotations

import sys

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.urls import get_script_prefix

JOBS = "flowrra/live/"
QUEUE = "flowrra/live/queues/<path:queue>/"
JOB = "flowrra/live/jobs/<str:token>/"

ROUTING = f"{__package__}.routing"


def jobs_socket(request: HttpRequest | None) -> str:
    """Return the path of the socket of all jobs; "" where there is none."""
    return _path(request, JOBS)


def job_socket(request: HttpRequest | None, token: str) -> str:
    """Return the path of one job's socket; "" where there is none."""
    return _path(request, JOB.replace("<str:token>", token))


def _path(request: HttpRequest | None, path: str) -> str:
    is_served = isinstance(request, ASGIRequest) and ROUTING in sys.modules
    return f"{get_script_prefix()}{path}" if is_served else ""
