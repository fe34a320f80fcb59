"""The cable between the site and a server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support import until

from .proxy import Proxy


class Echo:
    """A server that sends back what it gets, and keeps it."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            while data := client.recv(100):
                self.got.append(data)
                client.sendall(data)


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.door.shutdown(socket.SHUT_RDWR)
    server.door.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    cable = Proxy("127.0.0.1", echo.door.getsockname()[1])
    yield cable
    cable.close()


def ask(client: socket.socket, word: bytes) -> bytes:
    """Return the answer; nothing if the connection ends instead."""
    try:
        client.sendall(word)
        return client.recv(100)
    except OSError:
        return b""


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_it_passes_on_what_is_said_and_answered(proxy):
    with connect(proxy) as one, connect(proxy) as other:
        assert [ask(one, b"a"), ask(other, b"b"), ask(one, b"c")] == [b"a", b"b", b"c"]


def test_a_cut_ends_connections_and_lets_nobody_in_until_it_is_mended(proxy):
    with connect(proxy) as before:
        assert ask(before, b"a") == b"a"
        proxy.cut()
        assert ask(before, b"b") == b""
    with connect(proxy) as meanwhile:
        assert ask(meanwhile, b"c") == b""
    proxy.mend()
    with connect(proxy) as after:
        assert ask(after, b"d") == b"d"


def test_a_lost_reply_is_to_what_the_server_has_got(proxy, echo):
    proxy.lose_replies(every=2)
    with connect(proxy) as client:
        assert [ask(client, b"a"), ask(client, b"b")] == [b"a", b""]
    until(lambda: echo.got == [b"a", b"b"])
    proxy.lose_replies(every=0)
    with connect(proxy) as client:
        assert [ask(client, word) for word in (b"c", b"d", b"e")] == [b"c", b"d", b"e"]
