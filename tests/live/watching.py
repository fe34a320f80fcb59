"""A browser's side of a socket, without the browser."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import quote

import orjson
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client

from flowrra_django.live.routing import websocket_urlpatterns

JOBS = "/flowrra/live/"
HOST = "testserver"
ORIGIN = f"http://{HOST}"


def queue_path(name: str) -> str:
    return f"{JOBS}queues/{name}/"


def job_path(token: str) -> str:
    return f"{JOBS}jobs/{token}/"


def session_of(*codenames: str, **options: Any) -> str:
    """Log a user in who may do what the codenames say; return the value of his cookie."""
    user = User.objects.create_user("somebody", **options)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


class Socket:
    """A socket that the test has opened, or tried to."""

    def __init__(self, path: str, session: str = "", *, origin: str | None = ORIGIN) -> None:
        headers = [(b"host", HOST.encode())]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if session:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
        path, _, query = path.partition("?")
        scope = {"type": "websocket", "path": path, "headers": headers}
        scope["query_string"] = query.encode()
        scope["raw_path"] = quote(path).encode()
        self._connection = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)

    async def __aenter__(self) -> Self:
        await self._connection.send_input({"type": "websocket.connect"})
        answer = await self._connection.receive_output(timeout=5)
        self.is_open = answer["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.send_input({"type": "websocket.disconnect", "code": 1005})
        await self._connection.wait(timeout=5)

    async def say(self, **told: Any) -> None:
        await self._connection.send_input({"type": "websocket.receive", **told})

    async def hear(self, seconds: float = 5) -> dict[str, Any]:
        """Return the next message."""
        output = await self._connection.receive_output(seconds)
        told: dict[str, Any] = orjson.loads(output["text"])
        return told

    async def hear_until(self, task_id: str, status: str) -> list[dict[str, Any]]:
        """Return what is told of a job until it has that status."""
        heard: list[dict[str, Any]] = []
        while not heard or heard[-1]["status"] != status:
            heard += [job for job in (await self.hear())["jobs"] if job["id"] == task_id]
        return heard

    async def closing_code(self) -> int | None:
        """Return the code with which the site closes the socket."""
        ending = await self._connection.receive_output(timeout=5)
        assert ending["type"] == "websocket.close", ending
        code: int | None = ending.get("code")
        return code

    async def hears_nothing(self, seconds: float = 1.0) -> bool:
        return bool(await self._connection.receive_nothing(timeout=seconds))
