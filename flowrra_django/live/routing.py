"""The sockets' addresses, for the URLRouter of a site's `asgi.py`.

A process that has imported this is taken to serve them: its pages open sockets, and others poll.
"""

from typing import Any, cast

from channels.auth import AuthMiddlewareStack
from django.urls import path

from .addresses import JOB, JOBS, QUEUE
from .consumers import JobConsumer, JobsConsumer

_jobs = cast(Any, AuthMiddlewareStack(JobsConsumer.as_asgi()))
_job = cast(Any, JobConsumer.as_asgi())

websocket_urlpatterns = [
    path(JOBS, _jobs),
    path(QUEUE, _jobs),
    path(JOB, _job),
]
